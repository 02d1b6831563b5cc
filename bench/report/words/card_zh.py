"""Words of cards in Chinese beyond those of leaderboards; templates of ``str.format``."""

from __future__ import annotations

ZH: dict[str, str] = {
    "card_title": "{name}：`{variant}`的卡片",
    "fact": "**{name}**：{value}",
    "section_of": "{title}（{suite}）",
    "fact_family": "类别",
    "fact_paper": "论文",
    "fact_parent": "父变体",
    "fact_algorithm": "算法",
    "no_parent": "无",
    "paper_of": "[{title}]({url}){year} · [目录条目](../catalog.zh-CN.md#{id})",
    "paper_without_url": "{title}{year} · [目录条目](../catalog.zh-CN.md#{id})",
    "year": "（{year}）",
    "errata_title": "文章在此处的错误",
    "errata_of": "涉及该论文的勘误：",
    "erratum": "[{id}](../catalog.zh-CN.md#{anchor})（{severity}）：{text}",
    "claims_of": "它的训练有助于检验的文章论断：",
    "claim_of": "“{claim}”（第{line}行）{errata}",
    "claim_errata": "，更正见{list}",
    "related_of": "涉及与该论文相关条目的勘误：",
    "related_one": "[{title}](../catalog.zh-CN.md#{id})：{list}",
    "related_many": "{n}条勘误",
    "deviations_title": "与论文的不同之处",
    "recipe_title": "训练设置",
    "recipe_intro": (
        "下表列出与`{algorithm}`的默认值不同、或与父变体不同的设置；其余均为默认值。"
        "“自身”指写在该变体自己的条目中，“继承”指来自其上级变体。"
    ),
    "recipe_other": (
        "父变体`{parent}`使用另一种算法，因此不从它继承任何设置，所有设置都从默认值开始。"
    ),
    "recipe_none": "`{algorithm}`的所有设置都取默认值。",
    "setting_name": "设置",
    "setting_value": "取值",
    "setting_on": "用于{dataset}",
    "setting_default": "默认值",
    "setting_parent": "父变体",
    "setting_origin": "来源",
    "origin_own": "自身",
    "origin_inherited": "继承",
    "origin_default": "默认",
    "results_title": "结果",
    "results_intro": (
        "取自每一份已提交的排行榜。名次与距离只能在同一张表内比较。±为训练种子上的95%区间；"
        "只有一个种子时没有区间，结果为暂定。"
    ),
    "results_none": "目前还没有包含该变体的已提交排行榜。",
    "table": "排行榜",
    "rank_of": "{rank}（共{n}行）",
    "unranked": "不参与排名",
    "metric_of": "{metric} {value}",
    "column_distance": "距离↓",
    "gate_line": (
        "{suite}中的门槛：{gate}，至少{needs}；最差的种子为{worst}（共{n}个种子）：{verdict}。"
    ),
    "gap_line": "在{suite}中没有结果：种子{seeds}，{status}{reason}。",
    "gap_reason": "（{reason}）",
    "measures_line": "在{suite}中对自身的度量（所用图像未参与训练）：{list}。",
    "measure_one": "`{name}` {value}",
    "parent_title": "与父变体相比",
    "parent_intro": (
        "比值为一行的距离与父变体以同样方式采样的那一行的距离之比，小于1为更好，括号内为95%区间。"
        "结论来自单侧检验，并在整张表内作了校正。"
    ),
    "parent_none": "没有一份已提交的排行榜同时给出该变体与其父变体的名次。",
    "is_root": "它没有父变体：其他变体与它相比。",
    "cost_title": "开销",
    "cost_intro": (
        "参数量分为全部训练的参数与采样所需的参数；每秒图像数与时间仅指单次训练，运行于{machines}。"
    ),
    "trained_parameters": "训练参数",
    "sampling_parameters": "采样所需参数",
    "per_second": "图像/秒",
    "train_time": "单次训练",
    "cost_none": "没有训练记录。",
    "samples_title": "样本",
    "samples_intro": "最小种子的前若干张图像，未经挑选。",
    "samples_none": "没有样本图。",
    "grid_caption": "{suite}，{row}，种子{seed}",
    "pictures_title": "图示",
    "pictures_none": "{suite}：尚未绘制。绘制时会重新训练种子{seed}，命令为：",
    "pictures_stale": (
        "{suite}：现有图示属于另一次训练（训练哈希`{old}`，记录中为`{new}`）。重新绘制的命令为："
    ),
    "pictures_unmade": "没有可供绘制的已完成训练。",
    "drawn_equal": (
        "重新训练了{suite}中的种子{seed}，所得权重与记录中的逐字节相同。图像由采样方式`{sampler}`{ema}生成。"
    ),
    "drawn_other": (
        "重新训练了{suite}中的种子{seed}，所用机器或软件版本与记录不同（此处为{machine}，记录为{recorded}），"
        "运算的舍入因而不同：设置与噪声相同，权重则不同。图像由采样方式`{sampler}`{ema}生成。"
    ),
    "drawn_differs": (
        "**在记录所用的机器上重新训练了{suite}中的种子{seed}，所得权重却与记录不同。**"
        "图像由采样方式`{sampler}`{ema}生成。"
    ),
    "with_average": "（使用平均权重）",
    "training_title": "训练过程",
    "training_text": (
        "各行使用同一组噪声，自上而下分别为{steps}步更新之后；每一列是同一个噪声。最后一行为训练结束时。"
    ),
    "training_alt": "{name}：{suite}的一次训练中，同一组噪声在{n}个时刻的图像",
    "between_title": "图像之间",
    "between_slerp": (
        "每一行从样本中的一张图像走到另一张。中间各点上，采样器的每个正态随机量都取两端随机量之间大圆弧上的点。{label}"
    ),
    "between_slerp-held": (
        "每一行从样本中的一张图像开始。沿着一行，采样器的每个正态随机量沿大圆弧移向另一张图像的随机量，"
        "而由均匀随机量作出的选择（编码或混合分量）保持与左端相同；因此右端并不是样本中的图像。{label}"
    ),
    "same_label": "两端要求的类别相同，中间各点亦然。",
    "between_none-choices": (
        "没有这种图示：采样器只作选择（词元、像素或类别），两个选择之间没有中间状态。"
    ),
    "between_none-chain": (
        "没有这种图示：采样器在一条长链的每一步都重新抽取噪声，因此一张图像没有单一的隐向量。"
    ),
    "between_alt": "{name}：{suite}中从一张图像到另一张图像",
    "near_title": "最近的训练图像",
    "near_text": (
        "每个三行的区块中，最上一行为生成图像；其下分别是按像素最近的训练图像，以及按特征最近的训练图像"
        "（`{extractor}`的`{layer}`层）。上方区块为最先生成的{n_first}张图像；下方区块为{n_images}张之中"
        "特征最接近训练图像的那些，若有复制，就会出现在这里。其中最小的距离，按像素为{pixels}"
        "（0至255灰度值的欧氏距离），按特征为{features}。"
    ),
    "near_alt": "{name}：{suite}中的生成图像及其下方最近的训练图像",
    "curves_title": "学习曲线",
    "curves_text": "`{suite}`中{n}次训练（各{steps:,}次更新）的均值，色带为其最小至最大值。",
    "curves_alt": "每次更新记录的损失及其他数值，每图一项",
    "published_title": "他人报告的数值",
    "published_text": "出自其他数据、网络与训练预算；这些数值都不能与上文的数值比较。",
    "again_title": "重新生成",
    "again_text": "各排行榜的训练、检查，以及本页（无需训练）：",
    "also_in": "包含该变体、但尚无已提交排行榜的套件：{list}。",
}
