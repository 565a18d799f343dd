"""Diagnosis: records in, verdicts out."""
