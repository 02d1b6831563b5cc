"""The article's claims, tested by the records of a suite."""

from bench.report.claims.write import claims_texts, write_claims

__all__ = ["claims_texts", "write_claims"]
