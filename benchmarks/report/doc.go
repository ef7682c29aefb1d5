// Package report writes what experiments found as one HTML file that needs
// nothing else: no network, no fonts, no scripts from anywhere.
//
//	result, err := experiment.Run(ctx, plan)
//	if err != nil {
//		return err
//	}
//	f, err := os.Create("report.html")
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	return report.Write(f, result)
//
// The file shows the systems with their figures, differences, intervals and what
// remains significant after correction; what each system costs beside what it is
// worth; every topic's difference to the baseline; and for each topic how the
// documents moved from stage to stage, with texts, judgements and the arithmetic
// of the scores. It can be sorted and filtered, used by keyboard alone and on a
// phone, in light and dark. Without JavaScript it shows the tables as text.
//
// The plots are hand-made SVG. The libraries that draw rank flows and sorted
// bars weigh from 200 kB to 1 MB, more than all of this program's code and most
// reports' data; they bring markup from strings, which a page that quotes foreign
// documents must not have; and what they draw has no keyboard. Four kinds of plot
// in about 300 lines were the smaller price.
//
// Texts, names and queries are data: they reach the page as JSON or compressed,
// and the DOM as text nodes only. A content security policy forbids every script
// but the report's own, and all connections.
//
// The package tests nothing and computes no figure: all of them are the
// experiment's.
package report
