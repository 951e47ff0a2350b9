"""Objects: bytes under a key, and whole files kept by the hash of what is in them.

`ports.ObjectStore` is what the platform asks of a store (a folder, S3).  `blobs.BlobStore` keeps large files
on it, cut into chunks that are named by their hash: an upload resumes, and a damaged byte is noticed.
"""
