"""Words for the registry's fixed terms in both languages, and which language is wanted.

Owns every label that listings, pages and rendered files share, but no text of an entry.
"""

from __future__ import annotations

import os

from catalog.schema import Text

LANGUAGES = ("en", "zh")

KINDS = {
    "document": Text(en="document", zh="文档"),
    "model": Text(en="model", zh="模型"),
    "paper": Text(en="paper", zh="论文"),
    "book": Text(en="book", zh="图书"),
    "course": Text(en="course", zh="课程"),
    "site": Text(en="site", zh="网站"),
    "tool": Text(en="tool", zh="工具"),
    "dataset": Text(en="data set", zh="数据集"),
    "metric": Text(en="metric", zh="指标"),
    "concept": Text(en="concept", zh="概念"),
    "task": Text(en="task", zh="任务"),
    "technique": Text(en="technique", zh="技术"),
    "component": Text(en="component", zh="组件"),
    "algorithm": Text(en="algorithm", zh="算法"),
    "step": Text(en="step", zh="步骤"),
    "formula": Text(en="formula", zh="公式"),
    "code": Text(en="code", zh="代码"),
    "edge": Text(en="graph edge", zh="概念图连线"),
    "property": Text(en="property", zh="性质"),
    "application": Text(en="application", zh="应用"),
    "trend": Text(en="trend", zh="趋势"),
    "challenge": Text(en="challenge", zh="挑战"),
    "faq": Text(en="question", zh="问答"),
}
"""Every kind, in the order in which pages show them."""

FAMILIES = {
    "gan": Text(en="GAN", zh="生成对抗网络"),
    "vae": Text(en="VAE", zh="变分自编码器"),
    "discrete-vae": Text(en="discrete VAE", zh="离散变分自编码器"),
    "autoencoder": Text(en="autoencoder", zh="自编码器"),
    "autoregressive": Text(en="autoregressive", zh="自回归"),
    "diffusion": Text(en="diffusion", zh="扩散"),
    "flow": Text(en="flow", zh="流"),
    "hybrid": Text(en="hybrid", zh="混合"),
}

MODALITIES = {
    "text": Text(en="text", zh="文本"),
    "image": Text(en="image", zh="图像"),
    "audio": Text(en="audio", zh="音频"),
    "video": Text(en="video", zh="视频"),
    "general": Text(en="general", zh="通用"),
}

ORIGINS = {
    "article": Text(en="in the article", zh="原文收录"),
    "added": Text(en="added", zh="本目录补充"),
}

SEVERITIES = {
    "critical": Text(en="critical", zh="严重"),
    "major": Text(en="major", zh="重要"),
    "minor": Text(en="minor", zh="一般"),
    "nit": Text(en="nit", zh="细微"),
}

VERDICTS = {
    "false": Text(en="false", zh="错误"),
    "misleading": Text(en="misleading", zh="误导"),
    "imprecise": Text(en="imprecise", zh="不准确"),
    "outdated": Text(en="outdated", zh="过时"),
    "broken": Text(en="broken", zh="无法使用"),
    "editorial": Text(en="editorial", zh="编辑疏漏"),
}

COLUMNS = {
    "id": Text(en="id", zh="编号"),
    "kind": Text(en="kind", zh="类别"),
    "origin": Text(en="origin", zh="来源"),
    "year": Text(en="year", zh="年份"),
    "title": Text(en="title", zh="标题"),
}

SHORT_ORIGINS = {
    "article": Text(en="article", zh="原文"),
    "added": Text(en="added", zh="补充"),
}

EVIDENCE = {
    "executed": Text(en="execution", zh="实际执行"),
    "identifier": Text(en="identifiers", zh="编号核对"),
    "knowledge": Text(en="general knowledge", zh="常识"),
    "paper": Text(en="the paper's text", zh="论文原文"),
    "repository": Text(en="the repository", zh="代码仓库"),
    "web": Text(en="web pages", zh="网页"),
}

LICENSED = {
    "code": Text(en="code", zh="代码"),
    "weights": Text(en="weights", zh="权重"),
    "data": Text(en="data", zh="数据"),
    "allowed": Text(en="commercial use allowed", zh="可商用"),
    "forbidden": Text(en="no commercial use", zh="禁止商用"),
}

METRICS = {
    "FID": "FID",
    "GMAM": "GMAM",
    "Inception score": "Inception分数",
    "Parzen log-likelihood": "Parzen对数似然",
    "bits per dimension": "每维比特数",
    "classification accuracy score, top 1": "分类准确率得分（top 1）",
    "linear SVM accuracy": "线性SVM准确率",
    "linear probe accuracy": "线性探针准确率",
    "mean opinion score": "平均意见分",
    "negative log-likelihood (nats)": "负对数似然（nats）",
    "preferred for caption match": "更符合描述（人工评选占比）",
    "preferred for realism": "更逼真（人工评选占比）",
    "recall": "召回率",
    "reconstruction FID": "重建FID",
}
"""Chinese names of the metrics that published numbers use."""

STATES = {
    "active": Text(en="active", zh="活跃"),
    "archived": Text(en="archived", zh="已停更"),
    "retired": Text(en="retired", zh="已下线"),
    "unreleased": Text(en="unreleased", zh="未公开"),
}

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
