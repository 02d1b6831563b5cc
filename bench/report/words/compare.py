"""Words of a comparison by language; both languages have the same keys."""

from __future__ import annotations

from bench.report.words.report import Language

EN = {
    "row": "Row",
    "verdict": "Verdict",
    "why": "Why",
    "seeds": "Seeds A / B",
    "ratio": "{metric}: B / A (95 %)",
    "difference": "{metric}: B − A (95 %)",
    "fid_equal_n": "{distance} at equal n",
    "fid_held_out": "{distance} to held-out images",
    "fid_bias": "expected excess of {distance}",
    "precision": "precision",
    "recall": "recall",
    "f_score": "F score",
    "copy_rate": "copies",
    "label_accuracy": "class as asked",
    "lower_better": "{metric} ↓",
    "higher_better": "{metric} ↑",
    "name": "`{name}` ({list})",
    "ema": "EMA",
    "raw": "raw",
    "training": "training {digest}",
    "beside": "{a} → {b}",
    "interval": "{value} ({low} to {high})",
    "better": "B is **better**",
    "worse": "B is **worse**",
    "undecided": "cannot be told apart",
    "identical": "identical",
    "lower": "B is lower, untested",
    "higher": "B is higher, untested",
    "missing": "missing from B",
    "failed": "failed in B",
    "why_decided": (
        "The 95 % interval over training seeds, {low} to {high}, excludes no change ({zero})."
    ),
    "why_decided_holm": (
        "p {p} by Welch's test over training seeds, after Holm's correction over {n} rows."
    ),
    "why_undecided": (
        "The 95 % interval over training seeds, {low} to {high}, includes no change ({zero})."
    ),
    "why_undecided_holm": (
        "The interval alone excludes no change, but after Holm's correction over {n} rows p {p}."
    ),
    "why_identical": "Images and all metrics of {n} training seeds are equal to the last bit.",
    "why_sampling": (
        "Beyond the error of drawing the images anew (p {p}), but training noise is unknown: "
        "each side has one training seed."
    ),
    "why_within_sampling": (
        "Within the error of drawing the images anew (p {p}), and training noise is unknown: "
        "each side has one training seed."
    ),
    "why_one_side": "One side has a single seed, so the spread of the other stands for both.",
    "why_unknown": (
        "No noise is known: each side has one training seed, and no sampling error of this metric "
        "is on record."
    ),
    "why_missing": "B has no finished training with this number.",
    "why_failed": "Failed in B: {list}.",
    "loss": "seed {seeds}: {reason}",
    "noise_known": "beyond the noise between trainings",
    "noise_sampling": "beyond the error of drawing images, with one training seed a side",
    "shared": (
        "the same trainings, to the last bit, stand on both sides of {rows}; counted as "
        "independent all the same, which hides differences rather than makes them"
    ),
    "shared_of": "{row}: {n}",
    "blind": "no noise is known for {rows}, so that --max-regression never fails on them",
    "differs": "the trainings of {rows} differ in: {fields}",
    "extra": "rows of B that A lacks, not compared: {rows}",
    "foreign": "rows left out because only one side was scored under their protocol: {n}",
    "unmeasured": "rows of A left out because they lack this metric: {n}",
    "holm": "p-values are corrected by Holm over {n} rows; intervals hold for each row alone",
}

ZH = {
    "row": "行",
    "verdict": "结论",
    "why": "理由",
    "seeds": "种子数 A / B",
    "ratio": "{metric}：B / A（95 %）",
    "difference": "{metric}：B − A（95 %）",
    "fid_equal_n": "n相等时的{distance}",
    "fid_held_out": "到留出图像的{distance}",
    "fid_bias": "{distance}的预期偏高量",
    "precision": "精确率",
    "recall": "召回率",
    "f_score": "F值",
    "copy_rate": "复制率",
    "label_accuracy": "类别相符率",
    "lower_better": "{metric} ↓",
    "higher_better": "{metric} ↑",
    "name": "`{name}`（{list}）",
    "ema": "EMA",
    "raw": "原始权重",
    "training": "训练{digest}",
    "beside": "{a} → {b}",
    "interval": "{value}（{low}至{high}）",
    "better": "B**更好**",
    "worse": "B**更差**",
    "undecided": "无法区分",
    "identical": "完全相同",
    "lower": "B较低，未检验",
    "higher": "B较高，未检验",
    "missing": "B中缺失",
    "failed": "B中失败",
    "why_decided": "各训练种子上的95 %区间为{low}至{high}，不含“无变化”（{zero}）。",
    "why_decided_holm": "对各训练种子做Welch检验，经Holm校正（共{n}行）后p {p}。",
    "why_undecided": "各训练种子上的95 %区间为{low}至{high}，包含“无变化”（{zero}）。",
    "why_undecided_holm": "单独的区间不含“无变化”，但经Holm校正（共{n}行）后p {p}。",
    "why_identical": "{n}个训练种子的图像与全部指标逐位相同。",
    "why_sampling": "超出重新抽取图像的误差（p {p}），但训练噪声未知：两侧各只有一个训练种子。",
    "why_within_sampling": (
        "未超出重新抽取图像的误差（p {p}），且训练噪声未知：两侧各只有一个训练种子。"
    ),
    "why_one_side": "一侧只有一个种子，因此以另一侧的离散程度代表两侧。",
    "why_unknown": "噪声未知：两侧各只有一个训练种子，而记录中没有该指标的抽样误差。",
    "why_missing": "B中没有得到该数值的已完成训练。",
    "why_failed": "B中失败：{list}。",
    "loss": "种子{seeds}：{reason}",
    "noise_known": "超出训练之间的噪声",
    "noise_sampling": "超出抽取图像的误差（每侧一个训练种子）",
    "shared": (
        "{rows}的两侧含有逐位相同的训练；计算时仍视为相互独立，这只会掩盖差异，而不会制造差异"
    ),
    "shared_of": "{row}：{n}个",
    "blind": "{rows}的噪声未知，因此--max-regression不会因它们而失败",
    "differs": "{rows}两侧的训练设置不同之处：{fields}",
    "extra": "A中没有、因而未比较的B的行：{rows}",
    "foreign": "因只有一侧在其协议下评分而略去的行数：{n}",
    "unmeasured": "因缺少该指标而略去的A的行数：{n}",
    "holm": "p值经Holm校正（共{n}行）；区间只对各行单独成立",
}

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
