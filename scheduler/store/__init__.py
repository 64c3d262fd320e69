"""The ledger: records to znodes and back, by compare-and-set under the leader's epoch."""
