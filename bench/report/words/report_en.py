"""Every word of a report in English; the other language has the same keys.

Entries are ``str.format`` templates.
"""

from __future__ import annotations

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
    "contents": "On this page: {list}",
    "glance": "At a glance",
    "precision_recall": "Precision and recall",
    "losses": "Losses during training",
    "losses_open": "Curves of every variant",
    "ranking": "Ranking",
    "calibration": "Calibration rows, unranked",
    "calibration_intro": (
        "Images of known quality give the scale. Sets that hold fewer images than the protocol "
        "asks for say so (n); distances of small sets come out larger. Of a set with several draws "
        "the means are shown; what they vary by is sampling alone and has a column below."
    ),
    "parents": "Against its parent",
    "parents_intro": (
        "Is a variant better than the one it changes, sampled in the same way? The ratio is its "
        "distance over its parent's (geometric means over training seeds), so below 1 is better; "
        "95 % intervals, each on its own. The test is one-sided, on the log of the distance, "
        "corrected by Holm over this table; a win needs p < 0.05 and a gap of 2 %. Runs are not "
        "paired by seed: they share the order of the images and nothing else."
    ),
    "spread": "Where the spread comes from",
    "spread_intro": (
        "Different questions, never added up. *Over seeds*: the standard deviation between "
        "trainings, which holds one draw of images each; intervals and ranks above stand on it. "
        "*Over draws*: the same between draws of a calibration set. *Sampling*: the standard "
        "error of the distance over repeated draws from the same weights, by a jackknife that "
        "leaves out a twentieth of one set at a time. The last two are the estimators' own, over "
        "splits and subsets of one set, and are no standard errors."
    ),
    "costs": "Costs",
    "published": "What others report",
    "published_intro": (
        "Published by others, on other data, with other networks and budgets: none of these "
        "numbers compares with ours or takes part in a rank, nor with one of another protocol."
    ),
    "reconstructions": "Reconstructions, unranked",
    "reconstructions_intro": (
        "Images of the `{held_out}` split passed through each autoencoder. They start from real "
        "images, so they do not compete with generated ones."
    ),
    "gates": "Gates",
    "gates_intro": (
        "What every training of a row has to reach; a row that misses one says FAIL in the place "
        "of its rank."
    ),
    "gate": "What",
    "gate_needs": "At least",
    "gate_worst": "Worst seed",
    "gate_met": "Met?",
    "gate_passed": "pass",
    "gate_missed": "**FAIL**",
    "measures": "What models measure of themselves",
    "measures_intro": (
        "On the real images of the `{held_out}` split, after training; means over seeds with 95 % "
        "intervals. A number of one kind compares with itself alone where the models code the "
        "same thing: bits_per_dim depends on the number of grey levels, nats_per_token on the "
        "vocabulary."
    ),
    "measure": "Measure",
    "gaps": "Runs without a result",
    "gaps_intro": "A variant with a failed run keeps its row but is not ranked.",
    "stale": "Stale runs, not in the table",
    "stale_intro": "Their training differs from the one that this suite plans.",
    "rows": "Rows, one by one",
    "notes": "How to read the numbers",
    "protocol": "Protocol",
    "protocol_fields": "What the key is made of",
    "protocol_intro": (
        "Comparability key `{key}`: only scores under this key stand above, and no other table "
        "may be compared with this one unless its key is the same."
    ),
    "again": "Make it again",
    "again_body": (
        "All runs, then this page; the second command alone makes the page and its charts, byte "
        "for byte, from the committed records:"
    ),
    "rank": "Rank",
    "variant": "Variant",
    "set": "Images",
    "sampler": "Sampler",
    "family": "Family",
    "family_gan": "GAN",
    "family_vae": "VAE",
    "family_autoregressive": "autoregressive",
    "family_diffusion": "diffusion",
    "draws": "Draws",
    "row_of": "Row",
    "parent": "Parent",
    "ratio": "Ratio ↓",
    "verdict": "Better?",
    "spread_trainings": "Over seeds",
    "spread_draws": "Over draws",
    "spread_sampling": "Sampling",
    "spread_splits": "{score} splits",
    "spread_subsets": "{kernel} × 10³ subsets",
    "published_data": "Data",
    "published_metric": "Metric",
    "setting": "Protocol",
    "source": "Source",
    "unsure": " (unsure)",
    "seeds": "Seeds",
    "which_seeds": "Seeds",
    "versus": "vs PCA-Gaussian",
    "precision": "Precision ↑",
    "recall": "Recall ↑",
    "equal_n": "At n={n:,} ↓",
    "held_out": "To `{split}`, n={n:,} ↓",
    "label_accuracy": "Class as asked ↑",
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
    "undecided": "not shown",
    "behind": "no",
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
        "no difference in spread), corrected by Holm; a win needs p < 0.05 and a gap of 2 %. Two "
        "samplers of one training count as independent."
    ),
    "ranks_welch": (
        "A rank range counts what beats a row and what it beats. Every pair is tested by Welch's "
        "t-test on the log of the distance (Bartlett's test finds that spreads differ), corrected "
        "by Holm; a win needs p < 0.05 and a gap of 2 %. Two samplers of one training count as "
        "independent."
    ),
    "baseline_missing": "The PCA-Gaussian row is missing, so no row is compared with it.",
    "power": (
        "How far apart two rows must be: with {n} seeds and this spread a row that is {alone} % "
        "above another is told from it four times out of five by one test on its own, and one "
        "that is {first} % above it where its pair comes first of the {n_pairs} that Holm "
        "corrects. Nearer rows may differ without it showing here."
    ),
    "baseline_intro": (
        "The PCA-Gaussian ({distance} {value}, mean of {n} draws) samples a Gaussian fitted to the "
        "training images: a generator that does not beat it has learned nothing worth a neural "
        "network. Each row is tested against its draws by a one-sided Welch test on the log of the "
        "distance, a family of its own under Holm and with the same gap."
    ),
    "baseline_intro_one": (
        "The PCA-Gaussian ({distance} {value}) samples a Gaussian fitted to the training images: "
        "a generator that does not beat it has learned nothing worth a neural network. It was "
        "drawn once only, so rows are compared with it and not tested."
    ),
    "baseline_better": "Beaten by: {rows}.",
    "baseline_nobody": "No row is shown to beat it.",
    "baseline_lower": "Lower, but untested for want of seeds: {rows}.",
    "baseline_undecided": "Lower, but not shown to be: {rows}.",
    "baseline_behind": "Behind it: {rows}.",
    "real": (
        "For scale, {n:,} real held-out images are at {distance} {value} from the reference. The "
        "column to `{held_out}` compares {n_equal:,} generated images with as many held-out ones; "
        "training images come as near as {copies} there, so going below means nothing."
    ),
    "bias": (
        "That images are a sample adds about {few} to the distance of {n_few:,} held-out ones and "
        "{many} to that of {n_many:,} generated ones (the median row), if they are independent; "
        "it is not corrected. Splits balanced by class, and models that are asked for every class "
        "in turn, lose part of it."
    ),
    "near": (
        "Near to real images at equal n: the first {n:,} images within twice the distance of "
        "held-out images to the reference ({equal}), within twice that of training images to "
        "`{held_out}` ({test}), and with no more copies than held-out images have ({rate} %; over "
        "{n:,} images such a share is known to ±{noise} points)."
    ),
    "near_rows": "So are: {rows}.",
    "near_nobody": "No row is.",
    "near_copying": "As near, but with more copies: {rows}.",
    "accuracy": (
        "Class as asked is the share of images that the extractor's classifier puts in the class "
        "that a conditional model was asked for; the calibration rows show how far to trust it."
    ),
    "best": (
        "Weights picked by their score (best) are left out: {n} scores. This page is of final "
        "weights, and the best of several scores is another protocol."
    ),
    "copying": (
        "Copies is the share of samples nearer to a training image than 95 % of held-out images "
        "are; about 5 % is expected of new images."
    ),
    "copying_rows": "More than twice that: {rows}.",
    "copying_nobody": "No row has more than twice that.",
    "collapsed": (
        "Suspected mode collapse, in at least one seed (recall below 0.05, or fewer than 5 % of "
        "the images distinct): {rows}. A generator that learned nothing shows the same signs; the "
        "samples tell which it is."
    ),
    "averages": (
        "EMA rows are sampled from an exponential moving average of the generator's weights, raw "
        "rows from the last weights of the same runs."
    ),
    "costs_of": (
        "Parameters are those that sampling needs; images seen are real images shown in training, "
        "repeats included; images/s and training time are of the training alone, on: {machines}."
    ),
    "naming": (
        "{distance}, {score} and {kernel} are the formulas of FID, IS and KID on features of "
        "`{extractor}` instead of Inception, so they do not compare with published numbers."
    ),
    "foreign": "Scores of these runs made under another protocol key and left out: {n}.",
    "code": "Code: {list}.",
    "code_differs": (
        "**The code of training differs between the seeds of {rows}**, so part of their spread "
        "may be the code's."
    ),
    "code_of": "{rows}: {list}.",
    "dirty": "with uncommitted changes",
    "threads": "{n} threads",
    "thread": "1 thread",
    "readme_wall": "twelve samples of each model, the same noise in every row",
    "readme_front": "quality against training time, with the Pareto front",
    "readme_rows": (
        "{shown} of {total} rows: the leaders, the best of each family and of each variant of "
        "`{quick}`."
    ),
    "readme_scale": (
        "For scale: held-out real images {held_out}, a Gaussian per class {class_pca_gaussian}, "
        "one Gaussian in PCA space {pca_gaussian}, the mean image {mean_image}. About 5 % copies "
        "is what new images have. `gmm-10` is a mixture fitted to the latents after training."
    ),
}
