// Package chromium gives tests a real browser:
//
//	b := chromium.Open(t, chromium.Options{Local: server.URL})
//	b.Open(server.URL, "")
//	b.Until(`document.querySelector("h1") !== null`)
//	b.Press("Tab", "Enter")
//	b.NoComplaints()
//
// It speaks to a headless Chromium through two pipes (--remote-debugging-pipe: JSON
// messages that end with a zero byte), and so needs no driver, no port and no module
// beside the standard library. A test without a Chromium on the machine is skipped;
// CASCADE_CHROMIUM names one that is not in the path, and CASCADE_SHOTS a folder for
// pictures of what the tests see. It is no general client of the protocol.
package chromium
