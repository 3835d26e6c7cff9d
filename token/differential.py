#!/usr/bin/env python3
"""Makes texts and the ids that Hugging Face's tokenizers gives for them, for TestDifferential.
   usage: differential.py OUT N FILE...     FILE: tokenizer.json files; - for the variants below made of the first one
Writes OUT/NUMBER.json (the tokenizer) and OUT/NUMBER.jsonl: [text, ids, ids without special tokens, byte spans, decoded]."""
import json, os, random, sys
from tokenizers import Tokenizer, Regex, pre_tokenizers as pt, normalizers as nm, decoders as dc, models, AddedToken

SCRIPTS = [(0x20, 0x7E)] * 6 + [(0, 0x1F), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x590, 0x6FF),
           (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x1FFF), (0x1100, 0x11FF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x2C00, 0x2FFF), (0x3000, 0x30FF), (0x3100, 0x33FF), (0x4E00, 0x9FFF),
           (0xA000, 0xABFF), (0xAC00, 0xD7FF), (0xE000, 0xE0FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x11FFF), (0x12000, 0x1DFFF), (0x1E000, 0x1FFFF), (0x20000, 0x2FA1F),
           (0x1D000, 0x1D7FF), (0x1F300, 0x1FAFF), (0xE0000, 0xE01FF), (0x0, 0x10FFFF)]
BITS = ["'s", "'S", "'ll", "'LL", "'Re", "'\u017f", "'\u212a", "don't", ' ', '  ', '   ', '\n', '\r\n', '\n\n', '\t', '\u00a0', '\u3000', '\u2028', '\u0085', '\u200b', '\u200d', '\ufeff', '\ufffd',
        '▁', '▁▁', ' ▁', '123', '4567', '1', '٣٤', '½²', '…', '--', '!!', '?\n', 'the', ' the', 'The quick', ' brown', 'hello', ' world', 'é', 'e\u0301', 'ﬁ', '①', '㍿', '한국', '각', '日本語', '👩\u200d👩\u200d👧',
        'İ', 'ß', 'ſ', 'Σς', 'x = y[0];', '    return', '</s>', '<s>', '<unk>', '[CLS]', '[MASK]', '<|im_start|>', '<|endoftext|>', '<mask>', ' <mask> ', '<0x41>', '##ing', '\x00', '\x1c', '\u1680', '\u180e', '\u0345\u0300\u0334', 'a\u0328\u0301', '\u1100\u1161\u11a8']


def text(r, special):
    out = []
    for _ in range(r.randint(1, r.choice([3, 8, 25]))):
        k = r.random()
        if k < .45: out.append(r.choice(BITS))
        elif k < .5 and special: out.append(r.choice(special))
        else:
            lo, hi = r.choice(SCRIPTS)
            out.append(''.join(chr(c) for c in (r.randint(lo, hi) for _ in range(r.randint(1, 6))) if not 0xD800 <= c <= 0xDFFF))
    return ''.join(out)


PATTERNS = [r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
            r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\p{N}{1,3}", r"[一-龥\u3040-ゟ゠-ヿ]+", r"\s?\p{L}+|\s?[!-/:-~！-／：-～‘-‟\u3000-。]+|\s+$", r"[\r\n]", r"\w+|[^\w\s]+", r"\d{1,3}(?=(?:\d{3})*\b)"]
EACH = ['isolated', 'removed', 'merged_with_previous', 'merged_with_next', 'contiguous']


def variants(base):
    """Tokenizers that differ from the base, a byte-level BPE, in how texts are treated."""
    bl = pt.ByteLevel(add_prefix_space=False, use_regex=False)
    for p in PATTERNS: yield lambda t, p=p: setattr(t, 'pre_tokenizer', pt.Sequence([pt.Split(Regex(p), 'isolated'), bl]))
    for h in EACH:
        for inv in (False, True):
            yield lambda t, h=h, inv=inv: setattr(t, 'pre_tokenizer', pt.Sequence([pt.Split(Regex(r'\p{N}|[ab]'), h, invert=inv), bl]))
        yield lambda t, h=h: setattr(t, 'pre_tokenizer', pt.Sequence([pt.Punctuation(h), pt.ByteLevel(add_prefix_space=True)]))
        yield lambda t, h=h: setattr(t, 'pre_tokenizer', pt.Sequence([pt.Split(' ', h), bl]))
    for pre in [[pt.Digits(True), pt.ByteLevel(False)], [pt.Digits(False), pt.ByteLevel(True)], [pt.Whitespace(), bl], [pt.WhitespaceSplit(), pt.ByteLevel(True)], [pt.BertPreTokenizer(), bl],
                [pt.Punctuation('contiguous'), pt.ByteLevel(False), pt.Digits(False), pt.Split(Regex('[0-9][0-9][0-9]'), 'isolated')], [pt.FixedLength(3), bl], [pt.CharDelimiterSplit('e'), bl],
                [pt.Metaspace(), bl], [pt.Metaspace(prepend_scheme='first'), bl], [pt.Metaspace(prepend_scheme='never', split=False), bl], [pt.WhitespaceSplit(), pt.Metaspace(prepend_scheme='first'), bl]]:
        yield lambda t, pre=pre: setattr(t, 'pre_tokenizer', pt.Sequence(pre))
    for n in [nm.NFC(), nm.NFD(), nm.NFKC(), nm.NFKD(), nm.Lowercase(), nm.Sequence([nm.NFD(), nm.StripAccents(), nm.Lowercase()]), nm.Strip(), nm.Strip(left=True, right=False), nm.Nmt(), nm.Prepend('▁'), nm.Replace('e', 'ee'),
              nm.Replace(Regex(r'\s{2,}'), ' '), nm.BertNormalizer(True, True, None, True), nm.BertNormalizer(True, False, False, False), nm.BertNormalizer(False, True, True, False),
              nm.Sequence([nm.Strip(), nm.Replace(Regex(r' {2,}'), '▁')])]:
        yield lambda t, n=n: setattr(t, 'normalizer', n)
    yield lambda t: (setattr(t, 'normalizer', nm.ByteLevel()), setattr(t, 'pre_tokenizer', None))
    yield lambda t: (setattr(t, 'normalizer', nm.Lowercase()), t.add_tokens([AddedToken('Hello', normalized=True), AddedToken('wOR', normalized=False), AddedToken(' x ', lstrip=True, rstrip=True), AddedToken('the', single_word=True), AddedToken('é', normalized=True, single_word=True)]))
    yield lambda t: t.add_special_tokens([AddedToken('<mask>', lstrip=True), AddedToken('[MASK]', rstrip=True, normalized=True), AddedToken('  ', rstrip=True), AddedToken('\n', lstrip=True, rstrip=True)])
    v = {chr(c): i for i, c in enumerate(range(33, 1000))}
    m = [('a', 'b'), ('e', 'r'), ('t', 'h'), ('th', 'e'), ('▁', 'the')]
    for x in ['▁', '<unk>', 'ab', 'er', 'th', 'the', '▁the', '</w>', 'a</w>', 'e</w>', '##b', '##e', 'a##b'] + ['<0x%02X>' % b for b in range(0, 256, 1)]: v.setdefault(x, len(v))
    for kw in [dict(unk_token='<unk>'), dict(unk_token='<unk>', fuse_unk=True), dict(unk_token='<unk>', byte_fallback=True), dict(), dict(unk_token='<unk>', end_of_word_suffix='</w>'), dict(unk_token='<unk>', continuing_subword_prefix='##'),
               dict(ignore_merges=True, unk_token='<unk>'), dict(byte_fallback=True, unk_token='<unk>', fuse_unk=True, half=True)]:
        vv = {k: i for k, i in v.items() if not (kw.get('half') and k.startswith('<0x') and int(k[3:5], 16) % 2)}
        vv = {k: i for i, k in enumerate(vv)}
        mm = [x for x in m] if 'continuing_subword_prefix' not in kw else [('a', '##b')]
        if 'continuing_subword_prefix' in kw: vv.setdefault('ab', len(vv))
        kw2 = {k: x for k, x in kw.items() if k != 'half'}
        for pre in (None, pt.Metaspace(), pt.WhitespaceSplit()):
            yield lambda t, vv=vv, mm=mm, kw2=kw2, pre=pre: (setattr(t, 'model', models.BPE(vv, mm, **kw2)), setattr(t, 'normalizer', nm.Replace(' ', '▁') if pre is None else None), setattr(t, 'pre_tokenizer', pre), setattr(t, 'decoder', dc.ByteFallback()))
    yield lambda t: (setattr(t, 'model', models.WordLevel({'the': 0, '<unk>': 1, 'hello': 2, '!!': 3}, '<unk>')), setattr(t, 'pre_tokenizer', pt.Whitespace()), setattr(t, 'decoder', None))
    up = [('<unk>', 0.0), ('▁', -2.0), ('a', -3.0), ('b', -3.5), ('ab', -4.0), ('the', -3.1), ('▁the', -3.0), ('é', -5.0), ('日', -6.0), ('日本', -6.5)] + [(chr(c), -7.0) for c in range(99, 123)]
    for fb in (False, True):
        yield lambda t, fb=fb: (setattr(t, 'model', models.Unigram(up + ([('<0x%02X>' % b, -9.0) for b in range(256)] if fb else []), 0, fb)), setattr(t, 'pre_tokenizer', pt.Metaspace()), setattr(t, 'decoder', dc.Metaspace()))


def main():
    out, n, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    os.makedirs(out, exist_ok=True)
    jobs = []
    for f in files:
        if f == '-':
            for v in variants(files[0]):
                t = Tokenizer.from_file(files[0]); v(t); jobs.append(t)
        else: jobs.append(Tokenizer.from_file(f))
    for i, t in enumerate(jobs):
        t.no_truncation(); t.no_padding()
        t.save(f'{out}/{i:03}.json', pretty=False)
        t = Tokenizer.from_file(f'{out}/{i:03}.json')
        r = random.Random(i)
        special = [a.content for a in t.get_added_tokens_decoder().values()][:50]
        with open(f'{out}/{i:03}.jsonl', 'w') as h:
            for _ in range(n):
                x = text(r, special)
                e, p = t.encode(x), t.encode(x, add_special_tokens=False)
                at = [len(x[:k].encode()) for k in range(len(x) + 1)] if len(x) < 400 else None
                h.write(json.dumps([x, e.ids, p.ids, [[at[a], at[b]] for a, b in p.offsets], t.decode(p.ids, skip_special_tokens=False)]) + '\n')
    print(len(jobs), 'tokenizers,', len(jobs) * n, 'texts')


main()
