"""Every word of the site in English that is not an entry's own; templates of ``str.format``."""

from __future__ import annotations

EN: dict[str, str] = {
    "site": "AIGC Bench",
    "lang": "en",
    "colon": ": ",
    "switch": "中文",
    "switch_label": "Read this page in Chinese",
    "skip": "Skip to the content",
    "menu_label": "Main menu",
    "theme": "Light or dark",
    "index": "Home",
    "leaderboards": "Leaderboards",
    "variants": "Models",
    "claims": "Claims",
    "article": "The article",
    "errata": "Corrections",
    "catalogue": "Catalogue",
    "graph": "Concept graph",
    "method": "Method",
    "footer": (
        "Made from the registry and the committed records alone; making it again changes no byte."
    ),
    "home_lead": "Which generative model should I take, and how sure is anybody?",
    "home_intro": (
        "{n_variants} GANs, autoencoders and their relatives, trained and scored under one stated "
        "protocol, with an interval on every number; and a catalogue of {n_entries} entries that "
        "corrects the Chinese article it grew from in {n_errata} places."
    ),
    "doors": "Which model for my images?",
    "door_1": "Small grey images, {size} × {size}",
    "door_3": "Small colour images, {size} × {size}",
    "door_more": "The whole answer, and how sure it is",
    "door_rows": "{n} rows",
    "no_rows": "No row is ranked: each one failed, or misses a gate of its table.",
    "corrected": "The article, corrected",
    "corrected_intro": (
        "Of the article's statements, {n_critical} are wrong enough to mislead whoever builds on "
        "them. One of them:"
    ),
    "corrected_all": "All corrections",
    "article_more": "Read the article line by line",
    "claims_door": "What it claims, tested",
    "claims_intro": (
        "Ten statements of the article that trainings can support or refute, each with an "
        "interval and a verdict."
    ),
    "wall": "One row per model, the same noise in every row",
    "wall_alt": (
        "A wall of samples: real held-out digits on top, then twelve images of each model, from "
        "the best-ranked row downwards."
    ),
    "leaderboards_intro": (
        "One table per suite and protocol. Numbers of two tables never compare, because their "
        "feature networks, images or budgets differ."
    ),
    "suites": "Suites",
    "suite": "Suite",
    "images": "Images",
    "rows": "Rows",
    "answer": "Which model, and how sure",
    "take": "Take",
    "sampled": "its latents drawn by {sampler}",
    "how_sure": "How sure?",
    "picks_shown": "For other wishes, among the rows that are shown to beat the PCA-Gaussian:",
    "picks_any": "For other wishes, none of it tested:",
    "pick_best": "Lowest mean distance",
    "pick_prior": "Best without anything fitted to it afterwards",
    "pick_gan": "Best GAN",
    "pick_vae": "Best autoencoder",
    "pick_recall": "Most diverse (recall)",
    "pick_fast": "Fastest to train of those that may hold the first place",
    "facts": (
        "{distance} {value}, rank {rank}, recall {recall}, copies {copies}, trained in {wall}"
    ),
    "sure_seeds": "{n} trainings stand behind it; ± is a 95 % interval over them.",
    "sure_one_seed": (
        "Not sure at all: one training stands behind it, so nothing shows it to beat another row."
    ),
    "sure_tied": (
        "{n} of the {total} ranked rows are not shown to be worse: the first place is shared, and "
        "the choice among them is yours."
    ),
    "sure_led": "Every other ranked row is shown to be worse.",
    "sure_better": "It is shown to beat the PCA-Gaussian, a model without a network.",
    "sure_undecided": "It is not shown to beat the PCA-Gaussian, a model without a network.",
    "sure_behind": "It loses to the PCA-Gaussian, a model without a network.",
    "sure_lower": "It is below the PCA-Gaussian, a model without a network, but untested.",
    "sure_higher": "It is above the PCA-Gaussian, a model without a network, but untested.",
    "sure_collapsed": (
        "Beware: it is suspected of mode collapse in at least one seed; look at its recall and "
        "its samples."
    ),
    "sure_scale": (
        "For scale: real images that no training saw are at {real}, the PCA-Gaussian at {gaussian}."
    ),
    "table": "The table",
    "table_help": (
        "Press a heading to sort. Grey lines are images of known quality, not models; they have "
        "no rank."
    ),
    "filter": "Find a row",
    "family_all": "all families",
    "family_gan": "GAN",
    "family_vae": "VAE and autoencoders",
    "family_autoregressive": "autoregressive",
    "family_diffusion": "diffusion",
    "show_calibration": "Calibration rows",
    "columns": "Columns",
    "row": "Row",
    "sort_by": "sort by {label}",
    "shown_rows": "{n} rows shown",
    "findings": "What these numbers support",
    "notes": "How to read the numbers",
    "charts": "Charts",
    "chart_distance": "Distance with its interval",
    "chart_cost": "Quality against cost",
    "chart_precision-recall": "Precision against recall",
    "chart_losses": "Learning curves",
    "samples": "Samples, row by row",
    "samples_of": "samples of {name}",
    "download": "All numbers as CSV",
    "again": "Make it again",
    "calibration_row": "calibration",
    "weights": "Weights",
    "help_rank": "Places that the row may hold: what beats it, and what it beats, is tested.",
    "help_family": "Kind of model.",
    "help_sampler": "Where latents come from: the model's own prior, or a density fitted later.",
    "help_weights": "Last weights, or their exponential moving average.",
    "help_seeds": "Trainings from different seeds.",
    "help_distance": (
        "Distance to the real images, mean over seeds ± 95 % interval; lower is better."
    ),
    "help_versus": "Whether it is shown to beat a Gaussian fitted in PCA space.",
    "help_recall": "Share of real images that lie near a generated one; higher is better.",
    "help_precision": "Share of generated images that lie near a real one; higher is better.",
    "help_copies": (
        "Share of samples nearer to a training image than 95 % of held-out images; 5 % is expected."
    ),
    "help_equal_n": "The distance of as many images as are held out; lower is better.",
    "help_held_out": "The same to images that no training saw; lower is better.",
    "help_is": "Inception score formula on the extractor's classes; higher is better.",
    "help_kd": "Kernel distance; lower is better.",
    "help_accuracy": "Share of images of the class that was asked for; higher is better.",
    "help_parameters": "Weights that sampling needs.",
    "help_images_per_s": "Real images shown per second of training.",
    "help_wall": "Training time of one seed.",
    "place": "{suite}, {rank}: {distance} {value}",
    "at_rank": "rank {rank}",
    "unranked": "not ranked",
    "search": "Search, in either language",
    "search_hint": "for example 变分, variational, GAN 2018",
    "kind": "Kind",
    "kind_all": "all kinds",
    "origin_all": "article and additions",
    "with_errata": "with corrections",
    "runnable": "with rows of ours",
    "found": "{n} entries shown",
    "catalogue_intro": (
        "Every item of the article with line and quote, and what it should have named. Numbers "
        "are as published, each under its own protocol."
    ),
    "says": "What the article says",
    "line": "line {n}",
    "wrong": "What is wrong with it",
    "instead": "Read instead",
    "run": "Our rows",
    "not_runnable": "Not run here",
    "related": "Related",
    "note": "Notes",
    "published": "Published numbers",
    "sources": "Sources",
    "links": "Links",
    "touches": "Entries",
    "errata_intro": (
        "What the article says, what is true, and who says so; the worst first. Quotes are the "
        "article's own words."
    ),
    "severity_all": "every severity",
    "article_intro": (
        "What the article says, in its order; each quote leads to its entry and, where it is "
        "wrong, to the correction."
    ),
    "section": "Section {n}",
    "article_head": "Title and head",
    "fine": "no correction",
    "graph_intro": (
        "The article prints a graph of concepts that does not parse and in which many arrows are "
        "wrong. Here it is as printed, its arrows coloured by what is wrong with them, and as "
        "corrected; boxes lead to the catalogue."
    ),
    "graph_published": "As published",
    "graph_corrected": "As corrected",
    "graph_edges": "Arrow by arrow",
    "graph_legend": "Green: right. Amber: loose. Red: inverted, misleading or wrong.",
    "edge_from": "From",
    "edge_to": "To",
    "edge_verdict": "Verdict",
    "edge_relation": "What it should say",
    "edge_correction": "Correction",
    "edge_fine": "right",
    "edge_loose": "loose",
    "edge_inverted": "inverted",
    "edge_misleading": "misleading",
    "edge_wrong": "wrong",
    "variants_intro": (
        "Everything that the harness trains, with its best row. A model's page has its idea, "
        "recipe, samples, costs and every result."
    ),
    "parent": "Changes",
    "year": "Year",
    "summary": "In a sentence",
    "best_row": "Best row",
    "no_result": "no committed result",
    "nothing": "Nothing matches.",
}
