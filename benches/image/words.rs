//! A made-up vocabulary: what names and text-like contents are written with.

use std::sync::LazyLock;

use super::random::Random;

/// How many words there are; a power of two, so that bits of a random number choose one.
pub const COUNT: u64 = 2048;

static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut random = Random::new(0x1a7e_0001);
    (0..COUNT).map(|_| coin(&mut random)).collect()
});

/// Returns word `number` modulo [`COUNT`].
pub fn word(number: u64) -> &'static str {
    let index = usize::try_from(number % COUNT).expect("COUNT fits any usize");
    &WORDS[index]
}

/// Two to four syllables.
fn coin(random: &mut Random) -> String {
    const STARTS: [&str; 16] = ["b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "ch"];
    const ENDS: [&str; 8] = ["a", "e", "i", "o", "er", "on", "al", "is"];
    let mut word = String::new();
    for _ in 0..2 + random.below(3) {
        let draw = random.draw().to_le_bytes();
        word.push_str(STARTS[usize::from(draw[0] % 16)]);
        word.push_str(ENDS[usize::from(draw[1] % 8)]);
    }
    word
}
