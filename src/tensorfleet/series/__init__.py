"""The courses of metrics, in columns: rolled up from the event log, thinned out to what a chart can show."""
