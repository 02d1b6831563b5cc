"""Words of the claims page by language; both languages have the same keys."""

from __future__ import annotations

from bench.report.words.report import Language

EN = {
    "title": "The article's claims, tested: {suite}",
    "intro": (
        "Each statement below is quoted from the article that this catalogue grew from, and set "
        "beside trainings that can support or refute it. A verdict says what was seen here: small "
        "networks, {dataset}, {steps:,} updates per training. It follows from the interval alone."
    ),
    "summary": "Verdicts",
    "details": "One by one",
    "method": "How a verdict is reached",
    "method_effects": (
        "A ratio is the geometric mean of {distance} over training seeds, that of one row divided "
        "by that of another, with Welch's interval on the logarithm; below 1 is better. A "
        "difference is of group means, in which each row counts once with its mean over seeds, "
        "with Welch's interval over rows. A share is of trainings that collapsed: that diverged, "
        "or whose images are suspected of mode collapse (recall below 0.05, or fewer than 5 % of "
        "them distinct); its interval is Wilson's, that of a difference of shares Newcombe's."
    ),
    "method_level": (
        "There are {n} comparisons on this page, so each interval is at {level:.2%} (Bonferroni): "
        "together they hold with a confidence of 95 %."
    ),
    "method_verdict": (
        "**Supported**: the whole interval lies on the side of the boundary that the claim needs. "
        "**Refuted**: it lies on the other side as a whole. **Undecided**: the boundary is inside. "
        "The boundary stands as far from no effect as an effect has to be large to count. A claim "
        "with several comparisons gets the verdict that those which are decided agree on; where "
        "they contradict each other, or none is decided, it stays undecided."
    ),
    "method_rows": (
        "A row is a variant's first sampler, with averaged weights where it has any. Two sides of "
        "a comparison count as independent."
    ),
    "claim": "The article says",
    "verdict": "Verdict",
    "tests": "Comparisons",
    "compared": "Compared",
    "effect": "Effect",
    "needs": "Supports if",
    "n": "n",
    "line": "Article, line {line}.",
    "errata": "The catalogue corrects it in {list}.",
    "supported": "**supported**",
    "refuted": "**refuted**",
    "undecided": "undecided",
    "untested": "not tested",
    "n_of": "{supported} supported, {refuted} refuted, {undecided} undecided",
    "untested_of": ", {n} not tested",
    "below": "below {boundary}",
    "above": "above {boundary}",
    "ratio": "{value} times",
    "points": "{value} points",
    "share": "{value} %",
    "interval": "{value} ({low} to {high})",
    "counts": (
        "n counts training seeds (for a ratio), rows (for a difference), or collapsed trainings : "
        "all trainings, of one side / the other."
    ),
    "again": "Make it again",
    "again_body": "The runs, and this page from the records that the reports are made from:",
}

ZH = {
    "title": "检验文章的论断：{suite}",
    "intro": (
        "下面每一条论断都引自本目录所依据的文章，旁边是能够支持或反驳它的训练。结论只说明这里观察到的情形："
        "小型网络、{dataset}、每次训练{steps:,}步更新；并且只由区间得出。"
    ),
    "summary": "结论",
    "details": "逐条说明",
    "method": "结论如何得出",
    "method_effects": (
        "“比”是一行的{distance}在各训练种子上的几何平均除以另一行的几何平均，区间用对数上的Welch方法；"
        "小于1为更好。“差”是两组均值之差，每一行以其各种子的均值计一次，区间为行间的Welch区间。“比例”是"
        "崩溃的训练所占的比例：发散，或其图像疑似模式崩溃（召回率低于0.05，或不同图像不足5 %）；"
        "其区间用Wilson方法，比例之差用Newcombe方法。"
    ),
    "method_level": (
        "本页共有{n}个比较，因此每个区间的置信水平为{level:.2%}（Bonferroni校正）："
        "合在一起的置信度为95 %。"
    ),
    "method_verdict": (
        "**支持**：整个区间位于论断所需的边界一侧。**反驳**：整个区间位于另一侧。**未定**：边界落在区间内。"
        "边界与“无效应”之间的距离，就是一个效应值得重视所需的大小。有多个比较的论断，取已有定论的比较一致的"
        "结论；若它们互相矛盾，或都没有定论，则为未定。"
    ),
    "method_rows": "一行指某变体的第一种采样方式，有平均权重时用平均权重。比较的两侧视为相互独立。",
    "claim": "文章的说法",
    "verdict": "结论",
    "tests": "比较",
    "compared": "比较对象",
    "effect": "效应",
    "needs": "支持的条件",
    "n": "n",
    "line": "文章第{line}行。",
    "errata": "目录在{list}中对此作了更正。",
    "supported": "**支持**",
    "refuted": "**反驳**",
    "undecided": "未定",
    "untested": "未检验",
    "n_of": "支持{supported}，反驳{refuted}，未定{undecided}",
    "untested_of": "，未检验{n}",
    "below": "小于{boundary}",
    "above": "大于{boundary}",
    "ratio": "{value}倍",
    "points": "{value}个百分点",
    "share": "{value} %",
    "interval": "{value}（{low}至{high}）",
    "counts": (
        "n为两侧各自的训练种子数（比）、行数（差），或“崩溃的训练 : 全部训练”（比例），以“/”分开。"
    ),
    "again": "重新生成",
    "again_body": "先运行，再由各报告所依据的记录生成本页：",
}

TEXTS: dict[Language, dict[str, str]] = {"en": EN, "zh": ZH}
