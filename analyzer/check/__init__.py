"""The gate for CI: policies, profiles, assertions and baselines, and what they say of a capture.

`policy` reads what is wanted, `outcome` judges one analysed session, `drive` does so for several
captures and writes the reports. Nothing here prints.
"""
