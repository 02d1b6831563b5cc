"""Every word of a report in English and Chinese, under the same keys in both.

Entries are ``str.format`` templates; a test holds that both languages fill in the same names.
"""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]

EN: dict[str, str] = {
    "title": "{suite}: leaderboard",
    "intro": (
        "Generators trained for {steps:,} updates each on {dataset} and ranked by {distance}: the "
        "distance of {n_fake:,} generated images to the {n_reference:,} real ones of the "
        "`{reference}` split. Lower is better."
    ),
    "status_none": "**No result yet**: no planned run has a score under this protocol.",
    "status_one": (
        "**Provisional**: one training seed per row. A single seed has no interval, so no row is "
        "shown to beat another; rows are ordered by their only value."
    ),
    "status_mixed": (
        "**Partly provisional**: {low} to {high} training seeds per row. Rows with one seed have "
        "no interval and are not tested."
    ),
    "status_full": "{low} training seeds per row; ± is a 95 % Student-t interval over them.",
    "status_range": (
        "{low} to {high} training seeds per row; ± is a 95 % Student-t interval over them."
    ),
    "ranking": "Ranking",
    "calibration": "Calibration rows, unranked",
    "calibration_intro": (
        "Images of known quality give the scale. Sets that hold fewer images than the protocol "
        "asks for say so (n); distances of small sets come out larger."
    ),
    "reconstructions": "Reconstructions, unranked",
    "reconstructions_intro": (
        "Images of the `{held_out}` split passed through each autoencoder. They start from real "
        "images, so they do not compete with generated ones."
    ),
    "gaps": "Runs without a result",
    "gaps_intro": "A variant with a failed run keeps its row but is not ranked.",
    "stale": "Stale runs, not in the table",
    "stale_intro": "Their training differs from the one that this suite plans.",
    "rows": "Rows, one by one",
    "notes": "How to read the numbers",
    "protocol": "Protocol",
    "protocol_intro": (
        "Comparability key `{key}`: only scores under this key stand above, and no other table "
        "may be compared with this one unless its key is the same."
    ),
    "again": "Make it again",
    "again_body": (
        "All runs, then this page; the second command alone makes the page, byte for byte, from "
        "the committed records:"
    ),
    "rank": "Rank",
    "variant": "Variant",
    "set": "Images",
    "sampler": "Sampler",
    "seeds": "Seeds",
    "which_seeds": "Seeds",
    "versus": "vs PCA-Gaussian",
    "precision": "Precision ↑",
    "recall": "Recall ↑",
    "held_out": "To `{split}`, n={n} ↓",
    "copies": "Copies",
    "parameters": "Parameters",
    "images_seen": "Images seen",
    "images_per_s": "Images/s",
    "wall": "Training",
    "status": "Status",
    "reason": "Reason",
    "differs": "Differs in",
    "field": "Field",
    "value": "Value",
    "failed": "failed",
    "ema": "EMA",
    "raw": "raw",
    "weights_of": "{sampler}, {weights}",
    "row": "`{name}` ({sampler})",
    "seeds_of": "{n} of {planned}",
    "provisional": "{seeds} (provisional)",
    "better": "**better**",
    "worse": "worse",
    "undecided": "undecided",
    "lower": "lower, untested",
    "higher": "higher, untested",
    "gap_error": "failed",
    "gap_cancelled": "cancelled",
    "gap_started": "unfinished",
    "gap_missing": "not run",
    "gap_unscored": "no score under this protocol",
    "gap_not-comparable": "not comparable",
    "paper": "Paper: [{title}]({url}).",
    "deviations": "Differs from its paper: {list}",
    "by_seed": "{distance} by training seed: {list}.",
    "made_with": "Reproduce: `{command}`",
    "samples_of": "samples of {row}, seed {seed}",
    "ranks_none": (
        "No two rows have the seeds that a comparison needs, so every rank range spans the table."
    ),
    "ranks_pooled": (
        "A rank range counts what beats a row and what it beats. Every pair is tested by a t-test "
        "on the log of the distance with the variance pooled within rows (Bartlett's test finds "
        "no difference in spread), corrected by Holm; a win needs p < 0.05 and a gap of 2 %."
    ),
    "ranks_welch": (
        "A rank range counts what beats a row and what it beats. Every pair is tested by Welch's "
        "t-test on the log of the distance (Bartlett's test finds that spreads differ), corrected "
        "by Holm; a win needs p < 0.05 and a gap of 2 %."
    ),
    "baseline_missing": "The PCA-Gaussian row is missing, so no row is compared with it.",
    "baseline_intro": (
        "The PCA-Gaussian ({distance} {value}) samples a Gaussian fitted to the training images: "
        "a generator that does not beat it has learned nothing worth a neural network."
    ),
    "baseline_better": "Beaten by: {rows}.",
    "baseline_nobody": "No row is shown to beat it.",
    "baseline_lower": "Lower, but untested for want of seeds: {rows}.",
    "baseline_undecided": "Undecided: {rows}.",
    "baseline_behind": "Behind it: {rows}.",
    "real": (
        "For scale, {n} real held-out images are at {distance} {value} from the reference. The "
        "column to `{held_out}` compares {n_equal} generated images with as many held-out ones; "
        "training images come as near as {copies} there, so going below means nothing."
    ),
    "copying": (
        "Copies is the share of samples nearer to a training image than 95 % of held-out images "
        "are; about 5 % is expected of new images."
    ),
    "copying_rows": "More than twice that: {rows}.",
    "copying_nobody": "No row has more than twice that.",
    "averages": (
        "EMA rows are sampled from an exponential moving average of the generator's weights, raw "
        "rows from the last weights of the same runs."
    ),
    "costs": (
        "Parameters are those that sampling needs; images seen are real images shown in training, "
        "repeats included; images/s and training time are of the training alone, on: {machines}."
    ),
    "naming": (
        "{distance}, {score} and {kernel} are the formulas of FID, IS and KID on features of "
        "`{extractor}` instead of Inception, so they do not compare with published numbers."
    ),
    "foreign": "Scores of these runs made under another protocol key and left out: {n}.",
    "code": "Code: {list}.",
    "dirty": "with uncommitted changes",
    "threads": "{n} threads",
    "thread": "1 thread",
}

ZH: dict[str, str] = {
    "title": "{suite}：排行榜",
    "intro": (
        "各生成模型在{dataset}上各训练{steps}步，按{distance}排名：即{n_fake}张生成图像与"
        "`{reference}`划分中{n_reference}张真实图像之间的距离，越低越好。"
    ),
    "status_none": "**暂无结果**：计划中的训练在此评测协议下都还没有得分。",
    "status_one": (
        "**暂定结果**：每行只有一个训练种子。单个种子给不出置信区间，因此无法断言哪一行胜过另一行；"
        "各行仅按唯一的数值排序。"
    ),
    "status_mixed": (
        "**部分为暂定结果**：每行有{low}至{high}个训练种子。只有一个种子的行没有置信区间，也不参与检验。"
    ),
    "status_full": "每行{low}个训练种子；±为这些种子上的95% t置信区间。",
    "status_range": "每行{low}至{high}个训练种子；±为这些种子上的95% t置信区间。",
    "ranking": "排名",
    "calibration": "校准行（不参与排名）",
    "calibration_intro": (
        "质量已知的图像给出数值的尺度。图像数少于协议要求的集合注明了n；图像越少，算出的距离越大。"
    ),
    "reconstructions": "重建（不参与排名）",
    "reconstructions_intro": (
        "将`{held_out}`划分的图像送入各自编码器重建所得。它们以真实图像为输入，因此不与生成图像竞争。"
    ),
    "gaps": "没有结果的训练",
    "gaps_intro": "有训练失败的变体仍列在表中，但不参与排名。",
    "stale": "已过期的训练（不在表中）",
    "stale_intro": "它们的训练设置与本套件计划的不同。",
    "rows": "逐行详情",
    "notes": "如何解读这些数字",
    "protocol": "评测协议",
    "protocol_intro": ("可比性键为`{key}`：上表只包含此键下的得分；键不同的表格之间不可比较。"),
    "again": "如何重现",
    "again_body": (
        "先完成全部训练，再生成本页；也可以只运行第二条命令，由已提交的记录逐字节地重新生成本页："
    ),
    "rank": "名次",
    "variant": "变体",
    "set": "图像",
    "sampler": "采样方式",
    "seeds": "种子数",
    "which_seeds": "种子",
    "versus": "对比PCA高斯",
    "precision": "精确率 ↑",
    "recall": "召回率 ↑",
    "held_out": "到`{split}`，n={n} ↓",
    "copies": "复制率",
    "parameters": "参数量",
    "images_seen": "训练图像数",
    "images_per_s": "图像/秒",
    "wall": "训练用时",
    "status": "状态",
    "reason": "原因",
    "differs": "不同之处",
    "field": "字段",
    "value": "值",
    "failed": "失败",
    "ema": "EMA",
    "raw": "原始权重",
    "weights_of": "{sampler}，{weights}",
    "row": "`{name}`（{sampler}）",
    "seeds_of": "{n}/{planned}",
    "provisional": "{seeds}（暂定）",
    "better": "**更好**",
    "worse": "更差",
    "undecided": "未定",
    "lower": "较低，未检验",
    "higher": "较高，未检验",
    "gap_error": "失败",
    "gap_cancelled": "已取消",
    "gap_started": "未完成",
    "gap_missing": "未运行",
    "gap_unscored": "此协议下没有得分",
    "gap_not-comparable": "不可比较",
    "paper": "论文：[{title}]({url})。",
    "deviations": "与论文的差异：{list}",
    "by_seed": "各训练种子的{distance}：{list}。",
    "made_with": "重现命令：`{command}`",
    "samples_of": "{row}的样本，种子{seed}",
    "ranks_none": "没有任何两行具备比较所需的种子数，因此每行的名次范围都覆盖整张表。",
    "ranks_pooled": (
        "名次范围由胜过该行的行数与该行胜过的行数得出。每两行在距离的对数上做t检验，"
        "方差取各行内方差的合并估计（Bartlett检验未发现离散程度有差异），再经Holm校正；"
        "只有p < 0.05且差距不小于2%才算胜出。"
    ),
    "ranks_welch": (
        "名次范围由胜过该行的行数与该行胜过的行数得出。每两行在距离的对数上做Welch t检验"
        "（Bartlett检验表明各行离散程度不同），再经Holm校正；只有p < 0.05且差距不小于2%才算胜出。"
    ),
    "baseline_missing": "缺少PCA高斯这一行，因此没有任何一行与它比较。",
    "baseline_intro": (
        "PCA高斯（{distance}为{value}）从拟合训练图像的高斯分布中采样："
        "胜不过它的生成模型，并没有学到值得动用神经网络的东西。"
    ),
    "baseline_better": "胜过它的有：{rows}。",
    "baseline_nobody": "没有哪一行被证明胜过它。",
    "baseline_lower": "数值更低、但因种子不足而未检验的有：{rows}。",
    "baseline_undecided": "未定的有：{rows}。",
    "baseline_behind": "不及它的有：{rows}。",
    "real": (
        "作为参照：{n}张留出的真实图像与参考集的{distance}为{value}。“到`{held_out}`”一列用{n_equal}张生成图像"
        "与同样多的留出图像相比；训练图像本身在该列也只能达到{copies}，比它更低并无意义。"
    ),
    "copying": "复制率指比95%的留出图像更接近某张训练图像的样本所占比例；全新的图像约为5%。",
    "copying_rows": "超过其两倍的有：{rows}。",
    "copying_nobody": "没有哪一行超过其两倍。",
    "averages": "EMA行使用生成器权重的指数滑动平均采样，原始权重行使用同一批训练的最终权重。",
    "costs": (
        "参数量只计采样所需的部分；训练图像数指训练中用到的真实图像，重复计入；"
        "图像/秒与训练用时只计训练阶段，运行环境：{machines}。"
    ),
    "naming": (
        "{distance}、{score}与{kernel}沿用FID、IS与KID的公式，但特征来自`{extractor}`而非Inception，"
        "因此不能与文献中的数值比较。"
    ),
    "foreign": "这些训练另有属于其他协议键的得分，未列入：{n}个。",
    "code": "代码版本：{list}。",
    "dirty": "含未提交的修改",
    "threads": "{n}线程",
    "thread": "1线程",
}

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}


class Words:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = TEXTS[language]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text called ``key`` with its blanks filled in."""
        return self._texts[key].format(**values)

    def join(self, items: list[str]) -> str:
        """A list in a sentence."""
        return ("、" if self.language == "zh" else ", ").join(items)

    def sentences(self, parts: list[str]) -> str:
        """Sentences of one paragraph: Chinese leaves no space between them."""
        return ("" if self.language == "zh" else " ").join(parts)
