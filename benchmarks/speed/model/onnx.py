"""Embeds texts with onnxruntime and prints the CPU seconds, once for each line of
its input. The graph is made from the F32 weights with standard operators."""
import json, resource, sys

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

folder, texts = sys.argv[1], json.load(open(sys.argv[2]))
w, c = load_file(folder + "/model.safetensors"), json.load(open(folder + "/config.json"))
hidden, heads = c["hidden_size"], c["num_attention_heads"]
init, nodes = [], []


def const(name, value):
    init.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def op(kind, inputs, **attributes):
    nodes.append(helper.make_node(kind, inputs, [f"t{len(nodes)}"], **attributes))
    return nodes[-1].output[0]


def linear(x, name):
    return op("Add", [op("MatMul", [x, const(name + ".w", w[name + ".weight"].T)]), const(name + ".b", w[name + ".bias"])])


def norm(x, name):
    return op("LayerNormalization", [x, const(name + ".g", w[name + ".weight"]), const(name + ".h", w[name + ".bias"])], axis=-1, epsilon=c["layer_norm_eps"])


x = op("Gather", [const("words", w["embeddings.word_embeddings.weight"]), "ids"])
x = op("Add", [x, op("Gather", [const("positions", w["embeddings.position_embeddings.weight"]), "pos"])])
x = norm(op("Add", [x, const("types", w["embeddings.token_type_embeddings.weight"][0])]), "embeddings.LayerNorm")
split, join = const("split", np.array([0, 0, heads, hidden // heads])), const("join", np.array([0, 0, hidden]))
scale = const("scale", np.float32(1 / np.sqrt(hidden // heads)))
for i in range(c["num_hidden_layers"]):
    l = f"encoder.layer.{i}."
    q, k, v = (op("Transpose", [op("Reshape", [linear(x, l + "attention.self." + n), split])], perm=p)
               for n, p in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))
    a = op("MatMul", [op("Softmax", [op("Mul", [op("MatMul", [q, k]), scale])], axis=-1), v])
    a = op("Reshape", [op("Transpose", [a], perm=[0, 2, 1, 3]), join])
    x = norm(op("Add", [linear(a, l + "attention.output.dense"), x]), l + "attention.output.LayerNorm")
    u = op("Gelu", [linear(x, l + "intermediate.dense")])
    x = norm(op("Add", [linear(u, l + "output.dense"), x]), l + "output.LayerNorm")
nodes[-1].output[0] = "out"
info = helper.make_tensor_value_info
graph = helper.make_graph(nodes, "bert", [info("ids", TensorProto.INT64, ["b", "n"]), info("pos", TensorProto.INT64, ["n"])], [info("out", TensorProto.FLOAT, None)], init)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString(), options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)


def spent():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


for _ in sys.stdin:
    began = spent()
    for e in tokenizer.encode_batch(texts):
        y = session.run(None, {"ids": np.array([e.ids]), "pos": np.arange(len(e.ids))})[0][0].mean(0)
        y /= np.linalg.norm(y)
    print(spent() - began, flush=True)
