//! Spoils seeds, always in the same way.

/// Words that change what a reader does.
const WORDS: [&str; 28] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[[[[[[[[[",
    "null",
    "-1",
    "1e309",
    "18446744073709551615",
    "9223372036854775807",
    "9999-12-31T23:59:59Z",
    "\n",
    "\r",
    "\0",
    "\u{202e}",
    "\u{1f469}\u{200d}",
    "..",
    "/",
    ":",
    "*",
    "?",
    "${",
    "{{.key}}",
    "%00",
    "=",
    "\n---\n",
];

/// Inputs without end.
pub(crate) struct Mutations {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    pub(crate) fn of(seeds: Vec<Vec<u8>>) -> Self {
        Self { seeds, state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// The next input, and the number of the seed that it comes from.
    pub(crate) fn next_input(&mut self) -> (Vec<u8>, usize) {
        let from = self.below(self.seeds.len());
        let mut input = self.seeds[from].clone();
        for _ in 0..=self.below(4) {
            self.spoil(&mut input);
        }
        (input, from)
    }

    fn spoil(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let until = at + self.below((input.len() - at).min(64) + 1);
        match self.below(8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..until)),
            2 => {
                let piece = input[at..until].to_vec();
                input.splice(at..at, piece.repeat(1 + self.below(3)));
            }
            3 | 4 => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(at..until.min(at + 8), word.bytes());
            }
            5 => {
                let other = self.below(self.seeds.len());
                let piece = self.seeds[other].clone();
                let from = self.below(piece.len() + 1);
                input.splice(at..until, piece[from..].iter().take(200).copied());
            }
            6 => {
                let bit = self.below(8);
                input.iter_mut().skip(at).take(1).for_each(|it| *it ^= 1 << bit);
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(at..at, word.bytes());
            }
        }
    }

    /// A number below `bound`, by xorshift.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).expect("31 bits are a size") % bound.max(1)
    }
}
