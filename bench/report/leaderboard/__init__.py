"""The page of one suite: its tables and notes, its pictures, and the records beside it."""
