"""Every word of a report in Chinese; the other language has the same keys.

Entries are ``str.format`` templates.
"""

from __future__ import annotations

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
    "contents": "本页内容：{list}",
    "glance": "一览",
    "precision_recall": "精确率与召回率",
    "losses": "训练中的损失",
    "losses_open": "每个变体的曲线",
    "ranking": "排名",
    "calibration": "校准行（不参与排名）",
    "calibration_intro": (
        "质量已知的图像给出数值的尺度。图像数少于协议要求的集合注明了n；图像越少，算出的距离越大。"
        "多次抽取的集合给出均值；其波动只来自抽样，另列于下文。"
    ),
    "parents": "与父变体相比",
    "parents_intro": (
        "以同样方式采样时，一个变体是否优于它所改动的那个变体？比值为其距离与父变体距离之比（对训练种子取几何平均），"
        "小于1为更好；括号内为各自单独的95%区间。在距离的对数上做单侧检验，并在本表内经Holm校正；"
        "只有p < 0.05且差距不小于2%才算胜出。各次训练不按种子配对：它们只共享图像的顺序。"
    ),
    "spread": "波动从何而来",
    "spread_intro": (
        "它们回答不同的问题，从不相加。“种子间”：各次训练之间的标准差（每次训练各含一次抽样），上文的区间与名次以此为据。"
        "“抽取间”：校准集各次抽取之间的标准差。“采样”：由同一组权重反复采样时距离的标准误，"
        "由每次去掉一组图像二十分之一的刀切法得出。最后两列是估计量自身在同一组图像的各划分与各子集上的波动，并非标准误。"
    ),
    "costs": "开销",
    "published": "他人报告的数值",
    "published_intro": (
        "由他人在其他数据、网络与训练预算下发表：这些数值都不能与我们的比较，也不参与排名；协议不同者彼此之间同样不可比较。"
    ),
    "reconstructions": "重建（不参与排名）",
    "reconstructions_intro": (
        "将`{held_out}`划分的图像送入各自编码器重建所得。它们以真实图像为输入，因此不与生成图像竞争。"
    ),
    "gates": "门槛",
    "gates_intro": "一行的每次训练都必须达到的数值；未达到者在名次处写FAIL。",
    "gate": "内容",
    "gate_needs": "至少",
    "gate_worst": "最差的种子",
    "gate_met": "达到？",
    "gate_passed": "通过",
    "gate_missed": "**FAIL**",
    "measures": "模型对自身的度量",
    "measures_intro": (
        "训练之后在`{held_out}`划分的真实图像上测得；为各种子的均值及95%区间。"
        "只有编码对象相同的模型，同名数值才可比较：bits_per_dim取决于灰度级数，nats_per_token取决于词表。"
    ),
    "measure": "度量",
    "gaps": "没有结果的训练",
    "gaps_intro": "有训练失败的变体仍列在表中，但不参与排名。",
    "stale": "已过期的训练（不在表中）",
    "stale_intro": "它们的训练设置与本套件计划的不同。",
    "rows": "逐行详情",
    "notes": "如何解读这些数字",
    "protocol": "评测协议",
    "protocol_fields": "此键的构成",
    "protocol_intro": ("可比性键为`{key}`：上表只包含此键下的得分；键不同的表格之间不可比较。"),
    "again": "如何重现",
    "again_body": (
        "先完成全部训练，再生成本页；也可以只运行第二条命令，由已提交的记录逐字节地重新生成本页及其图表："
    ),
    "rank": "名次",
    "variant": "变体",
    "set": "图像",
    "sampler": "采样方式",
    "family": "类别",
    "family_gan": "GAN",
    "family_vae": "VAE",
    "family_autoregressive": "自回归",
    "family_diffusion": "扩散",
    "draws": "抽取次数",
    "row_of": "行",
    "parent": "父变体",
    "ratio": "比值 ↓",
    "verdict": "更好？",
    "spread_trainings": "种子间",
    "spread_draws": "抽取间",
    "spread_sampling": "采样",
    "spread_splits": "{score}划分",
    "spread_subsets": "{kernel} × 10³子集",
    "published_data": "数据",
    "published_metric": "指标",
    "setting": "协议",
    "source": "来源",
    "unsure": "（存疑）",
    "seeds": "种子数",
    "which_seeds": "种子",
    "versus": "对比PCA高斯",
    "precision": "精确率 ↑",
    "recall": "召回率 ↑",
    "equal_n": "n={n}时 ↓",
    "held_out": "到`{split}`，n={n} ↓",
    "label_accuracy": "类别相符率 ↑",
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
    "undecided": "未证明",
    "behind": "否",
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
        "只有p < 0.05且差距不小于2%才算胜出。同一训练的两种采样方式视为相互独立。"
    ),
    "ranks_welch": (
        "名次范围由胜过该行的行数与该行胜过的行数得出。每两行在距离的对数上做Welch t检验"
        "（Bartlett检验表明各行离散程度不同），再经Holm校正；只有p < 0.05且差距不小于2%才算胜出。"
        "同一训练的两种采样方式视为相互独立。"
    ),
    "baseline_missing": "缺少PCA高斯这一行，因此没有任何一行与它比较。",
    "power": (
        "两行要相差多少才看得出来：以{n}个种子和这样的波动，若一行真正高出另一行{alone}%，"
        "单独一次检验五次中有四次能够发现；若该对排在Holm所校正的{n_pairs}对之首，则需高出{first}%。"
        "差距更小的两行可能确有差别，只是此处看不出来。"
    ),
    "baseline_intro": (
        "PCA高斯（{distance}为{value}，{n}次抽取的均值）从拟合训练图像的高斯分布中采样："
        "胜不过它的生成模型，并没有学到值得动用神经网络的东西。"
        "每行与它的各次抽取在距离的对数上做单侧Welch检验，自成一族经Holm校正，差距要求相同。"
    ),
    "baseline_intro_one": (
        "PCA高斯（{distance}为{value}）从拟合训练图像的高斯分布中采样："
        "胜不过它的生成模型，并没有学到值得动用神经网络的东西。"
        "它只抽取了一次，因此各行只与它比较，不做检验。"
    ),
    "baseline_better": "胜过它的有：{rows}。",
    "baseline_nobody": "没有哪一行被证明胜过它。",
    "baseline_lower": "数值更低、但因种子不足而未检验的有：{rows}。",
    "baseline_undecided": "数值更低、但未能证明的有：{rows}。",
    "baseline_behind": "不及它的有：{rows}。",
    "real": (
        "作为参照：{n}张留出的真实图像与参考集的{distance}为{value}。“到`{held_out}`”一列用{n_equal}张生成图像"
        "与同样多的留出图像相比；训练图像本身在该列也只能达到{copies}，比它更低并无意义。"
    ),
    "bias": (
        "图像只是样本，若相互独立，仅此一项就使{n_few}张留出图像的距离约增加{few}，"
        "使{n_many}张生成图像的距离约增加{many}（各行的中位数），此处未作校正；"
        "按类别均衡的划分以及按类别轮流生成的模型，增加得少一些。"
    ),
    "near": (
        "在相同图像数下接近真实图像，是指前{n}张图像到参考集的距离不超过留出图像的两倍（{equal}），"
        "到`{held_out}`的距离不超过训练图像的两倍（{test}），且复制率不高于留出图像（{rate}%；"
        "在{n}张图像上，这一比例的误差约为±{noise}个百分点）。"
    ),
    "near_rows": "符合的有：{rows}。",
    "near_nobody": "没有哪一行符合。",
    "near_copying": "同样接近、但复制更多的有：{rows}。",
    "accuracy": (
        "类别相符率指特征网络的分类器把图像归入条件模型被要求生成的类别的比例；校准行表明它有多可信。"
    ),
    "best": (
        "按得分挑选的权重（最佳）未列入：{n}个得分。本页只含最终权重，从多个得分中取最佳属于另一种协议。"
    ),
    "copying": "复制率指比95%的留出图像更接近某张训练图像的样本所占比例；全新的图像约为5%。",
    "copying_rows": "超过其两倍的有：{rows}。",
    "copying_nobody": "没有哪一行超过其两倍。",
    "collapsed": (
        "疑似模式崩溃（至少一个种子的召回率低于0.05，或不同的图像少于5%）：{rows}。"
        "什么也没学到的生成器有同样的迹象，看样本即可分辨。"
    ),
    "averages": "EMA行使用生成器权重的指数滑动平均采样，原始权重行使用同一批训练的最终权重。",
    "costs_of": (
        "参数量只计采样所需的部分；训练图像数指训练中用到的真实图像，重复计入；"
        "图像/秒与训练用时只计训练阶段，运行环境：{machines}。"
    ),
    "naming": (
        "{distance}、{score}与{kernel}沿用FID、IS与KID的公式，但特征来自`{extractor}`而非Inception，"
        "因此不能与文献中的数值比较。"
    ),
    "foreign": "这些训练另有属于其他协议键的得分，未列入：{n}个。",
    "code": "代码版本：{list}。",
    "code_differs": ("**{rows}各种子的训练代码不同**，因此其离散程度可能部分来自代码。"),
    "code_of": "{rows}：{list}。",
    "dirty": "含未提交的修改",
    "threads": "{n}线程",
    "thread": "1线程",
    "readme_wall": "每个模型十二张样本，各行噪声相同",
    "readme_front": "质量与训练时间，含帕累托前沿",
    "readme_rows": (
        "共{total}行，此处列出{shown}行：领先者、各类别的最佳者及`{quick}`中各变体的最佳者。"
    ),
    "readme_scale": (
        "参照：留出的真实图像为{held_out}，每类一个高斯为{class_pca_gaussian}，PCA空间中的单个高斯为"
        "{pca_gaussian}，平均图像为{mean_image}。全新图像的复制率约为5 %。"
        "`gmm-10`是训练后对隐变量拟合的高斯混合。"
    ),
}
