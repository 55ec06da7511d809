"""The command line: one file per group of commands.

What belongs here: reading arguments, printing, exit codes. What must not: rules; all but `up`, `serve`, `down`,
`token`, `db` and `doctor` are clients of the API.
"""
