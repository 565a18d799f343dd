"""What people read: records in, words out."""
