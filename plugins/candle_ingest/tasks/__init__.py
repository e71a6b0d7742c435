"""The four steps of a run, as plain functions. XCom carries what they return: lists, dicts and text."""
