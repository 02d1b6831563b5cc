"""Words of cards in English beyond those of leaderboards; templates of ``str.format``."""

from __future__ import annotations

EN: dict[str, str] = {
    "card_title": "{name}: card of `{variant}`",
    "fact": "**{name}**: {value}",
    "section_of": "{title} ({suite})",
    "fact_family": "Family",
    "fact_paper": "Paper",
    "fact_parent": "Parent",
    "fact_algorithm": "Algorithm",
    "no_parent": "none",
    "paper_of": "[{title}]({url}){year} · [in the catalogue](../catalog.md#{id})",
    "paper_without_url": "{title}{year} · [in the catalogue](../catalog.md#{id})",
    "year": " ({year})",
    "errata_title": "What the article gets wrong here",
    "errata_of": "Corrections of the article that name the paper:",
    "erratum": "[{id}](../catalog.md#{anchor}) ({severity}): {text}",
    "claims_of": "Statements of the article that its trainings help to test:",
    "claim_of": "“{claim}” (line {line}){errata}",
    "claim_errata": ", corrected in {list}",
    "related_of": "Corrections that name what the paper is related to:",
    "related_one": "[{title}](../catalog.md#{id}): {list}",
    "related_many": "{n} corrections",
    "deviations_title": "How it differs from the paper",
    "recipe_title": "Recipe",
    "recipe_intro": (
        "The settings that differ from the defaults of `{algorithm}`, or from the parent's; all "
        "others are the defaults. “Said here” is written in the variant's own entry, “inherited” "
        "comes from an ancestor."
    ),
    "recipe_other": (
        "The parent `{parent}` has another algorithm, so nothing is inherited from it and every "
        "setting starts from the defaults."
    ),
    "recipe_none": "Every setting of `{algorithm}` is at its default.",
    "setting_name": "Setting",
    "setting_value": "Value",
    "setting_on": "On {dataset}",
    "setting_default": "Default",
    "setting_parent": "Parent",
    "setting_origin": "From",
    "origin_own": "said here",
    "origin_inherited": "inherited",
    "origin_default": "default",
    "results_title": "Results",
    "results_intro": (
        "Rows of every committed table. Ranks and distances compare within one table only. ± is a "
        "95 % interval over training seeds; one seed has none and is provisional."
    ),
    "results_none": "There is no committed table with this variant yet.",
    "table": "Table",
    "rank_of": "{rank} of {n}",
    "unranked": "unranked",
    "metric_of": "{metric} {value}",
    "column_distance": "Distance ↓",
    "gate_line": (
        "Gate in {suite}: {gate}, at least {needs}; worst seed {worst} ({n} seeds): {verdict}."
    ),
    "gap_line": "Without a result in {suite}: seeds {seeds}, {status}{reason}.",
    "gap_reason": " ({reason})",
    "measures_line": "Measured of itself in {suite}, on images that no training saw: {list}.",
    "measure_one": "`{name}` {value}",
    "parent_title": "Against its parent",
    "parent_intro": (
        "The ratio is the distance of a row over that of its parent's row, sampled in the same "
        "way; below 1 is better, with a 95 % interval. The verdict is of a one-sided test, "
        "corrected over the whole table."
    ),
    "parent_none": "No committed table has both this variant and its parent among its ranks.",
    "is_root": "It has no parent: others are compared with it.",
    "cost_title": "Cost",
    "cost_intro": (
        "Parameters of everything that is trained, and of what sampling needs; images per second "
        "and time are of one training alone, on {machines}."
    ),
    "trained_parameters": "Trained",
    "sampling_parameters": "For sampling",
    "per_second": "Images/s",
    "train_time": "One training",
    "cost_none": "No training is on record.",
    "samples_title": "Samples",
    "samples_intro": "The first images of the lowest seed, not selected.",
    "samples_none": "No sample grid is there.",
    "grid_caption": "{suite}, {row}, seed {seed}",
    "pictures_title": "Pictures",
    "pictures_none": "In {suite}: not drawn. Draw them, which trains seed {seed} again, by:",
    "pictures_stale": (
        "In {suite}: the pictures that are there show another training (train hash `{old}`, on "
        "record `{new}`). Draw them again by:"
    ),
    "pictures_unmade": "There is no finished training to draw.",
    "drawn_equal": (
        "Seed {seed} of the table in {suite} was trained again and its weights are equal to the "
        "recorded ones, byte for byte. The images are those of the sampler `{sampler}`{ema}."
    ),
    "drawn_other": (
        "Seed {seed} of the table in {suite} was trained again on another machine, or with other "
        "versions, than on record ({machine}; on record {recorded}), and arithmetic rounds "
        "otherwise there: recipe and noise are the same, the weights are not. The images are "
        "those of the sampler `{sampler}`{ema}."
    ),
    "drawn_differs": (
        "**Seed {seed} of the table in {suite} was trained again on the recorded machine, and its "
        "weights are not the recorded ones.** The images are those of the sampler "
        "`{sampler}`{ema}."
    ),
    "with_average": ", from averaged weights",
    "training_title": "Over the training",
    "training_text": (
        "The same noise in every row, drawn after {steps} updates, from the top; each column is "
        "one noise. The last row is the end of the training."
    ),
    "training_alt": "{name}: the same noise at {n} moments of a training in {suite}",
    "between_title": "Between images",
    "between_slerp": (
        "Each row goes from one image of the sample to another. In between, every normal draw of "
        "the sampler is the point on the great circle between the draws of both.{label}"
    ),
    "between_slerp-held": (
        "Each row starts at one image of the sample. Along the row every normal draw of the "
        "sampler moves on the great circle towards those of another image, while what it chooses "
        "by uniform draws (a code or a component) stays as on the left; so the right end is not "
        "an image of the sample.{label}"
    ),
    "same_label": " Both ends are asked for the same class, and so is all between them.",
    "between_none-choices": (
        "There is no picture of this kind: the sampler draws nothing but choices (tokens, pixels "
        "or categories), and between two choices nothing lies."
    ),
    "between_none-chain": (
        "There is no picture of this kind: the sampler draws fresh noise at every step of a long "
        "chain, so an image has no single latent vector."
    ),
    "between_alt": "{name}: from image to image in {suite}",
    "near_title": "Nearest training images",
    "near_text": (
        "In each block of three rows the generated images are on top; below each is the training "
        "image nearest by pixels, and below that the one nearest by features (`{layer}` of "
        "`{extractor}`). The upper block has the first {n_first} images as they come; the lower "
        "one has those of {n_images} whose features are nearest to a training image, where a copy "
        "would stand. The least distances in it are {pixels} by pixels (Euclidean, of grey values "
        "0 to 255) and {features} by features."
    ),
    "near_alt": "{name}: generated images above their nearest training images in {suite}",
    "curves_title": "Learning curves",
    "curves_text": (
        "Means over the {n} trainings of `{suite}` ({steps:,} updates each), bands from the least "
        "to the greatest."
    ),
    "curves_alt": "losses and other numbers that every update records, a panel each",
    "published_title": "What others report",
    "published_text": (
        "On other data, with other networks and budgets; none of these numbers compares with "
        "those above."
    ),
    "again_title": "Make it again",
    "again_text": (
        "The trainings of each table, its check, and this page (which needs no training):"
    ),
    "also_in": "Suites that have it, without a committed table yet: {list}.",
}
