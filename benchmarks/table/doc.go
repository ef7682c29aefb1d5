// Package table prints one table in the forms that people and programs read:
// aligned text, Markdown, LaTeX, CSV and JSON.
//
//	t := table.Table{Columns: []string{"system", "nDCG@10"}}
//	t.Add("bm25", 0.6789)
//	err := t.Write(os.Stdout, table.Text)
//
// Numbers are kept as numbers: text forms round them to four decimals, CSV and
// JSON carry every digit. The package computes nothing.
package table
