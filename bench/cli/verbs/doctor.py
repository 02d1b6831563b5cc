"""``aigc doctor``: what this machine has, and what would be missing for which suite."""

from __future__ import annotations

from bench.cli.verbs.options import JsonOption, RegistryOption
from bench.cli.verbs.output import emit_items, print_rows


def doctor(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Show the machine, the versions, and every weight file with its place and state."""
    import torch

    from bench.identity.local_registry import pinned_registry
    from bench.records.environment import environment
    from bench.score.extractors import weights_place
    from catalog.files import cache_dir
    from catalog.read.locate import find_registry

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    here = environment(device)
    facts = {
        "device": f"{here.device}: {here.device_name}",
        "cpu threads": str(here.n_threads),
        "os": here.os,
        "python": here.python,
        **here.packages,
        "registry": str(find_registry(registry_file)),
        "cache": str(cache_dir()),
    }
    for extractor in pinned_registry(registry_file).extractors:
        path = weights_place(extractor)
        if path is not None:
            absent = f"absent; sha256 {extractor.sha256}"
            if extractor.sha256 is None:
                absent = f"not trained here yet: {extractor.rebuild}"
            state = "found" if path.is_file() else absent
            facts[f"weights of {extractor.id}"] = f"{path} ({state})"
    if as_json:
        emit_items([{"name": name, "value": value} for name, value in facts.items()])
        return
    print_rows([{"what": name, "is": value} for name, value in facts.items()])
