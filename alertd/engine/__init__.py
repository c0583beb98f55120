"""The shell around the decisions: accept, dispatch, receive, tick."""
