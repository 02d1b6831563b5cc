"""Words of the charts by language; both languages have the same keys."""

from __future__ import annotations

from bench.report.words.report import Language

EN = {
    "hollow": "hollow: one seed",
    "hover": "{row}: {label} {value}",
    "hover_cost": "{row}: {label} {value}, {parameters} parameters, {wall}",
    "hover_precision": "{row}: precision {precision}, recall {recall}",
    "family_gan": "GAN",
    "family_vae": "VAE",
    "family_diffusion": "diffusion",
    "family_autoregressive": "autoregressive",
    "reference_held-out": "real held-out images (n={n:,}) {value}",
    "reference_class-pca-gaussian": "a PCA-Gaussian per class {value}",
    "reference_pca-gaussian": "PCA-Gaussian {value}",
    "axis_distance": "{label}, lower is better, log scale",
    "axis_wall": "time of training, mean over seeds, log scale",
    "axis_recall": "recall",
    "axis_precision": "precision",
    "parameters": "{n} parameters",
    "front": "front",
    "no_row": "none",
    "distance_title": "Distance to real images: {label} of every row",
    "distance_alt": (
        "{n} rows by mean {label} on a log axis, best first: {best} {low} to {worst} {high}. "
        "{references}"
    ),
    "distance_caption": (
        "Mean {label} of each row, best on top, with its 95 % interval where there are several "
        "training seeds; one that reaches zero runs out of the log axis. Dashed: sets of known "
        "quality."
    ),
    "cost_title": "Distance against time of training",
    "cost_alt": (
        "{n} rows by time of training and mean {label}, both on log axes; the area of a mark "
        "grows with the parameters. Nothing is both faster and nearer than: {front}."
    ),
    "cost_caption": (
        "Mean {label} against the time of one training; the area of a mark is proportional to the "
        "parameters that sampling needs, down to a smallest mark. The step line joins the rows "
        "that no other row beats in both means. Times of different machines do not compare."
    ),
    "precision_title": "Precision against recall",
    "precision_alt": (
        "{n} rows by recall and precision, means over seeds. No row has more of both than: "
        "{front}. {references}"
    ),
    "precision_caption": (
        "Precision and recall, means over training seeds; the upper right corner is best. Named: "
        "rows that no other row beats in both means, and the sets of known quality (crosses)."
    ),
    "point": "{name} at recall {recall}, precision {precision}",
    "losses_title": "Losses during training",
    "losses_alt": "Curves of {n} variants, what each recorded: {names}.",
    "losses_caption": (
        "What each finished training recorded, against its updates: mean over seeds, and the band "
        "from the lowest to the highest seed. Every panel has a vertical scale of its own, from "
        "the lowest to the highest value shown; log and asinh (linear about zero, log far from "
        "it) are marked. Losses of different variants do not compare."
    ),
    "one_losses_alt": "Curves of {variant} over {steps} updates, {n} seeds: {names}.",
    "axis_steps": "updates",
    "left_out": "Not drawn, as a run failed or a gate was missed: {rows}.",
    "scale": "For scale: {text}.",
    "wall_alt": "One strip of 12 images for each of: {rows}.",
    "wall_caption": (
        "The first 12 images of each set. In one column all models draw from the same random "
        "stream, and conditional ones are asked for the same class. Above, real held-out images "
        "and the PCA-Gaussian; below, {which}: each by its best row, best first, at the lowest "
        "training seed."
    ),
    "wall_all": "every variant that was ranked",
    "wall_some": "{n} of {total} variants, picked evenly over the ranking",
}

ZH = {
    "hollow": "空心：只有一个种子",
    "hover": "{row}：{label} {value}",
    "hover_cost": "{row}：{label} {value}，参数{parameters}，{wall}",
    "hover_precision": "{row}：精确率{precision}，召回率{recall}",
    "family_gan": "GAN",
    "family_vae": "VAE",
    "family_diffusion": "扩散",
    "family_autoregressive": "自回归",
    "reference_held-out": "留出的真实图像（n={n}）{value}",
    "reference_class-pca-gaussian": "每类一个PCA高斯 {value}",
    "reference_pca-gaussian": "PCA高斯 {value}",
    "axis_distance": "{label}，越低越好，对数轴",
    "axis_wall": "训练用时，种子均值，对数轴",
    "axis_recall": "召回率",
    "axis_precision": "精确率",
    "parameters": "参数{n}",
    "front": "前沿",
    "no_row": "无",
    "distance_title": "与真实图像的距离：各行的{label}",
    "distance_alt": (
        "对数轴上{n}行的{label}均值，由好到差：从{best}的{low}到{worst}的{high}。{references}"
    ),
    "distance_caption": (
        "各行的{label}均值，最好的在最上；有多个训练种子者附95%区间，触及零的区间伸出对数轴。"
        "虚线：质量已知的图像。"
    ),
    "cost_title": "距离与训练用时",
    "cost_alt": (
        "{n}行的训练用时与{label}均值，两轴均为对数；标记面积随参数量增大。"
        "其他行无法同时更快且更近的有：{front}。"
    ),
    "cost_caption": (
        "{label}均值与单次训练用时；标记面积与采样所需的参数量成正比，但不小于最小标记。"
        "阶梯线连接没有其他行在两个均值上都胜过的各行。不同机器上的用时不可比较。"
    ),
    "precision_title": "精确率与召回率",
    "precision_alt": (
        "{n}行的召回率与精确率（种子均值）。两者都不被其他行超过的有：{front}。{references}"
    ),
    "precision_caption": (
        "精确率与召回率，训练种子上的均值；右上角最好。标出名称的是两个均值都不被其他行胜过的各行，"
        "以及质量已知的图像（叉号）。"
    ),
    "point": "{name}：召回率{recall}，精确率{precision}",
    "losses_title": "训练中的损失",
    "losses_alt": "{n}个变体的曲线，各自记录的量：{names}。",
    "losses_caption": (
        "每次完成的训练所记录的量随更新步数的变化：种子均值，色带从最低的种子到最高的种子。"
        "每格有各自的纵轴，从所示的最小值到最大值；对数与asinh（零附近线性、远处对数）均已注明。"
        "不同变体的损失不可比较。"
    ),
    "one_losses_alt": "{variant}在{steps}步更新中的曲线，{n}个种子：{names}。",
    "axis_steps": "更新步数",
    "left_out": "因训练失败或未达到门槛而未画出：{rows}。",
    "scale": "作为参照：{text}。",
    "wall_alt": "以下各行各有一条12张图像：{rows}。",
    "wall_caption": (
        "各组图像的前12张。同一列中各模型取自同一条随机数流，条件模型被要求生成同一类别。"
        "最上为留出的真实图像与PCA高斯，其下为{which}：各取其最好的一行，由好到差，均为最小的训练种子。"
    ),
    "wall_all": "参与排名的每个变体",
    "wall_some": "{total}个变体中沿名次均匀选取的{n}个",
}

CHART_TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
