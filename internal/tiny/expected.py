"""Writes expected.json: what transformers (5.23; float64, eager attention), tokenizers (0.23) and sentence-transformers (6.2) compute from the checkpoints.

  LABRADOR_TINY=DIR go test ./internal/tiny && python3 internal/tiny/expected.py DIR > internal/tiny/expected.json
"""
import json, os, sys
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import AutoModel, NomicBertConfig, T5EncoderModel

base = sys.argv[1]
texts = json.load(open(os.path.join(base, "texts.json")))
out = {}
for name in sorted(os.listdir(base)):
    folder = os.path.join(base, name)
    if name.startswith("st-") or not os.path.isdir(folder):
        continue
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    kind = T5EncoderModel if name == "t5-encoder" else AutoModel
    extra = {} if name == "t5-encoder" else {"attn_implementation": "eager"}
    if name == "nomic-bert":  # transformers has names of its own for the published settings
        c = json.load(open(os.path.join(folder, "config.json")))
        extra["config"] = NomicBertConfig(vocab_size=c["vocab_size"], hidden_size=c["n_embd"], num_attention_heads=c["n_head"], num_hidden_layers=c["n_layer"],
            intermediate_size=c["n_inner"], layer_norm_eps=c["layer_norm_epsilon"], max_position_embeddings=c["n_positions"],
            rope_parameters={"rope_type": "default", "rope_theta": c["rotary_emb_base"]})
    model, info = kind.from_pretrained(folder, dtype=torch.float64, output_loading_info=True, **extra)
    missing = [k for k in info["missing_keys"] if "pooler" not in k]
    assert not missing, (name, missing)
    model.eval()
    entry = {"IDs": [], "Mean": [], "Last": []}
    for text in texts:
        ids = tokenizer.encode(text).ids
        n = len(ids)
        more = {"attention_mask": torch.ones(1, n, dtype=torch.long)}
        if name == "qwen2-bidirectional":  # an additive mask of nothing: every token sees every other
            more = {"attention_mask": torch.zeros(1, 1, n, n, dtype=torch.float64)}
        with torch.no_grad():
            state = model(input_ids=torch.tensor([ids]), **more).last_hidden_state[0]
        assert state.dtype == torch.float64
        unit = lambda v: [float(f"{x:.6g}") for x in (v / v.norm()).tolist()]
        entry["IDs"].append(ids)
        entry["Mean"].append(unit(state.mean(0)))
        entry["Last"].append(unit(state[-1]))
    out[name] = entry
    print(name, [len(i) for i in entry["IDs"]], file=sys.stderr)
calls = {"st-bert-mean": [{}, {"truncate_dim": 16}], "st-bert-dense": [{}], "st-mpnet-mean-noprompt": [{}, {"prompt_name": "query"}],
         "st-qwen3-prompts": [{}, {"prompt_name": "query"}, {"prompt_name": "query", "truncate_dim": 24}], "st-static": [{}]}
for name, list_ in calls.items():
    model = SentenceTransformer(os.path.join(base, name), device="cpu")
    entry = []
    for call in list_:
        vectors = [model.encode(t, prompt_name=call.get("prompt_name"), truncate_dim=call.get("truncate_dim")).astype("float64") for t in texts]
        entry.append({"Prompt": call.get("prompt_name", ""), "Dimensions": call.get("truncate_dim", 0),
            "Vectors": [[float(f"{x:.7g}") for x in v / (v @ v) ** 0.5] for v in vectors]})
    out[name] = {"Calls": entry}
print("{" + ",\n".join(f'{json.dumps(k)}: {json.dumps(v, separators=(",", ":"))}' for k, v in out.items()) + "}")
