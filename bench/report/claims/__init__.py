"""The article's claims, tested by the records of a suite."""

from bench.report.claims.write import NUMBERS, claims_files, claims_texts, write_claims

__all__ = ["NUMBERS", "claims_files", "claims_texts", "write_claims"]
