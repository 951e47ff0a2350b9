"""Datasets: CSV and Parquet files as immutable versions, named by the hash of their content.

A file is streamed into the object store, then looked at by a process of its own (`inspect`), which finds out
rows, columns, types and a profile, or says in one sentence what is wrong with it and where.
"""
