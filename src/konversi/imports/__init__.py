"""Files of conversions: what a spreadsheet's rows say, read with care. Pure but for the parsing libraries."""
