"""First-pass scores over one WebSocket: `WS /v1/models/{id}/stream`, for decoders that search with beams.

After the handshake the service sends an opening message, and from then on one frame for each frame that it is sent, in
their order. Frames are JSON text or binary; both may be mixed. Log-probabilities are natural logs.

Opening: `{"model":id,"name":…,"log_base":"e","vocabulary":{"size":…,"sha256":…},"history":…,"pipeline":…,"sum":…,
"limits":{"states":…,"pairs":…,"frame_bytes":…}}`.

Query parameters of the handshake: `history` (sentence or document; default: the model's) says whether a state after
`</s>` is a new beginning or remembers what was before; `sum=skipped` takes a self-normalised model's logits as they
are. An unknown model, too many connections and the like refuse the handshake with an HTTP problem.

JSON frames. `id` is any number or string, and comes back. Each has exactly one of:
- `{"id":7,"score":[[state,word],…]}` → `{"id":7,"states":[…],"logprobs":[…],"oov":[…],"evicted":0}`: the state after
  each word, and the word's log-probability. A word is a text or the id that `vocabulary` tells; `</s>` is one. A text
  that isn't in the vocabulary is brought into the pipeline's form, and is `<unk>` (`oov`) if that isn't one word of it.
- `{"id":8,"top":[state,…],"k":10}` → `{"id":8,"words":[[…],…],"logprobs":[[…],…],"evicted":0}`: the most probable
  words, best first.
- `{"id":9,"start":{"context":""}}` → `{"id":9,"state":…,"evicted":0}`: a state after a text whose last sentence is
  open, unless `"complete":true`; with history sentence its last sentence alone counts.
- `{"id":10,"release":[state,…]}` → `{"id":10,"released":…,"evicted":0}`. `release` may also stand in one of the others,
  and comes after it.
- `{"id":11,"vocabulary":true}` → `{"id":11,"words":[…]}`: all words, in the order of their ids.

States are integers, and no integer is given twice on a connection. There are no more than `limits.states`: the ones
used longest ago are evicted; `evicted` counts them. An item that asks about a state that isn't there has null in the
answer and stands in `errors`: `[{"item":3,"state":17,"error":"evicted"|"unknown","message":…}]`; the others are
answered. A frame that can't be read or breaks a limit changes nothing: `{"id":…,"problem":{…}}`, the problem as in RFC
9457 with the fields that are wrong (`score.3.1`). The connection goes on.

Binary frames, little-endian, for decoders that ask for thousands of pairs. A request is
    bytes 0…3   `HCS1`
    byte  4     1: score, 2: release
    bytes 5…7   0
    bytes 8…11  uint32 id
    bytes 12…15 uint32 number of items, N
    int64 × N   states
    int32 × N   word ids (score alone)
and its answer
    bytes 0…3   `HCS1`
    byte  4     as asked
    bytes 5…7   0
    bytes 8…11  uint32 id
    bytes 12…15 uint32 N (score: as asked; release: 0)
    bytes 16…23 uint64 states evicted so far
    int64 × N   states after the words; -1: evicted, -2: unknown
    float32 × N log-probabilities; NaN where there was no state
A binary frame that can't be read is answered with a JSON problem, too.
"""
