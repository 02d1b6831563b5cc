"""Words for the registry's fixed terms in both languages, and which language is wanted.

Owns every label that listings, pages and rendered files share, but no text of an entry.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from catalog.schema import Reported, Text

LANGUAGES = ("en", "zh")


def terms(words: Mapping[str, str | tuple[str, str]]) -> dict[str, Text]:
    """Each term with its English and Chinese words, of which the English may be the term itself."""
    pairs = {term: (term, said) if isinstance(said, str) else said for term, said in words.items()}
    return {term: Text(en=en, zh=zh) for term, (en, zh) in pairs.items()}


KINDS = terms({
    "document": "文档", "model": "模型", "paper": "论文", "book": "图书", "course": "课程",
    "site": "网站", "tool": "工具", "dataset": ("data set", "数据集"), "metric": "指标",
    "concept": "概念", "task": "任务", "technique": "技术", "component": "组件",
    "algorithm": "算法", "step": "步骤", "formula": "公式", "code": "代码",
    "edge": ("graph edge", "概念图连线"), "property": "性质", "application": "应用",
    "trend": "趋势", "challenge": "挑战", "faq": ("question", "问答"),
})  # fmt: skip
"""Every kind, in the order in which pages show them."""

FAMILIES = terms({
    "gan": ("GAN", "生成对抗网络"), "vae": ("VAE", "变分自编码器"),
    "discrete-vae": ("discrete VAE", "离散变分自编码器"), "autoencoder": "自编码器",
    "autoregressive": "自回归", "diffusion": "扩散", "flow": "流", "hybrid": "混合",
})  # fmt: skip
MODALITIES = terms(
    {"text": "文本", "image": "图像", "audio": "音频", "video": "视频", "general": "通用"}
)
ORIGINS = terms({"article": ("in the article", "原文收录"), "added": "本目录补充"})
SHORT_ORIGINS = terms({"article": "原文", "added": "补充"})
SEVERITIES = terms({"critical": "严重", "major": "重要", "minor": "一般", "nit": "细微"})
"""The worst first."""

VERDICTS = terms({
    "false": "错误", "misleading": "误导", "imprecise": "不准确", "outdated": "过时",
    "broken": "无法使用", "editorial": "编辑疏漏",
})  # fmt: skip
COLUMNS = terms({"id": "编号", "kind": "类别", "origin": "来源", "year": "年份", "title": "标题"})
EVIDENCE = terms({
    "executed": ("execution", "实际执行"), "identifier": ("identifiers", "编号核对"),
    "knowledge": ("general knowledge", "常识"), "paper": ("the paper's text", "论文原文"),
    "repository": ("the repository", "代码仓库"), "web": ("web pages", "网页"),
})  # fmt: skip
LICENSED = terms({
    "code": "代码", "weights": "权重", "data": "数据",
    "allowed": ("commercial use allowed", "可商用"), "forbidden": ("no commercial use", "禁止商用"),
})  # fmt: skip
STATES = terms(
    {"active": "活跃", "archived": "已停更", "retired": "已下线", "unreleased": "未公开"}
)

METRICS = {
    "FID": "FID", "GMAM": "GMAM", "Inception score": "Inception分数",
    "Parzen log-likelihood": "Parzen对数似然", "bits per dimension": "每维比特数",
    "classification accuracy score, top 1": "分类准确率得分（top 1）",
    "linear SVM accuracy": "线性SVM准确率", "linear probe accuracy": "线性探针准确率",
    "mean opinion score": "平均意见分", "negative log-likelihood (nats)": "负对数似然（nats）",
    "preferred for caption match": "更符合描述（人工评选占比）",
    "preferred for realism": "更逼真（人工评选占比）",
    "recall": "召回率", "reconstruction FID": "重建FID",
}  # fmt: skip
"""Chinese names of the metrics that published numbers use."""

RELATIONS = {
    "read-instead": (
        Text(en="read instead", zh="建议改读"),
        Text(en="to be read instead of", zh="可替代阅读"),
    ),
    "is-a": (Text(en="is a", zh="属于"), Text(en="kinds", zh="包括")),
    "part-of": (Text(en="part of", zh="隶属于"), Text(en="parts", zh="组成部分")),
    "uses": (Text(en="uses", zh="使用"), Text(en="used by", zh="被使用于")),
    "extends": (Text(en="extends", zh="扩展自"), Text(en="extended by", zh="后续扩展")),
    "succeeds": (Text(en="succeeds", zh="取代"), Text(en="succeeded by", zh="被取代于")),
    "stabilizes": (Text(en="stabilizes", zh="稳定"), Text(en="stabilized by", zh="稳定手段")),
    "applies-to": (Text(en="applies to", zh="用于"), Text(en="methods", zh="方法")),
    "implements": (Text(en="implements", zh="实现"), Text(en="implemented by", zh="实现工具")),
    "evaluates": (Text(en="evaluates", zh="评测"), Text(en="evaluated by", zh="评测依据")),
    "describes": (Text(en="describes", zh="讲述"), Text(en="described by", zh="见于")),
    "provides-data-for": (
        Text(en="provides data for", zh="为其提供数据"),
        Text(en="gets data from", zh="数据来自"),
    ),
    "see-also": (Text(en="see also", zh="另见"), Text(en="referred to by", zh="被提及于")),
}
"""Each relation type with its reading forwards and backwards."""

COLON = {"en": ": ", "zh": "："}
COMMA = {"en": ", ", "zh": "、"}
UNCONFIRMED = Text(en="unconfirmed", zh="未核实")


def language(wanted: str | None = None) -> str:
    """``wanted``, else ``AIGC_LANG``, else Chinese in a Chinese locale, else English."""
    if wanted in LANGUAGES:
        return str(wanted)
    named = os.environ.get("AIGC_LANG", "")
    if named in LANGUAGES:
        return named
    locale = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "zh" if locale.startswith("zh") else "en"


def number_text(number: Reported, language: str) -> str:
    """``FID 21.7 ± 0.21, CIFAR-10, ResNet (source)``, with a mark when nobody has confirmed it."""
    spread = f" ± {number.spread:g}" if number.spread is not None else ""
    mark = f" [{UNCONFIRMED.in_language(language)}]" if number.certainty == "unsure" else ""
    setting = f", {number.setting}" if number.setting else ""
    value = f"{number.value:g}{spread}{mark}"
    metric = METRICS.get(number.metric, number.metric) if language == "zh" else number.metric
    return f"{metric} {value}, {number.dataset}{setting} ({number.source})"
