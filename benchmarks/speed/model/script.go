//go:build unix

package main

import _ "embed"

//go:embed onnx.py
var script []byte
