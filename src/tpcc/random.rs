//! Seeded random streams and the specification's distributions (clauses 2.1.6 and 4.3.2).
//!
//! Every stream is named by the seed and a path of numbers, so that any row and any terminal has
//! its own, independent of who asks first. The generator is named and portable, and numbers are
//! drawn from it by our own arithmetic: the same seed gives the same values on every machine and
//! with every release of the library.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is for: the first step of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The C constants.
    Constants = 1,
    /// A row of the initial database; its path goes on with table, warehouse and index.
    Row = 2,
    /// The order of customers in a district's initial orders.
    Permutation = 3,
    /// The deck of a terminal.
    Deck = 4,
    /// The inputs of a terminal.
    Input = 5,
    /// The waits of a terminal.
    Wait = 6,
    /// The arrivals of a terminal.
    Arrivals = 7,
    /// What spreads terminals over time: back-off, returns to a zone, first arrivals.
    Jitter = 8,
    /// Which district of which zone is looked at next during a run.
    SpotCheck = 9,
}

/// 64 characters, so that six bits pick one. Clause 4.3.2.2 asks for at least the letters and
/// digits among them; none needs escaping in SQL or in a file.
const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// Syllables of last names (clause 4.3.2.3).
const SYLLABLES: [&str; 10] =
    ["BAR", "OUGHT", "ABLE", "PRI", "PRES", "ESE", "ANTI", "CALLY", "ATION", "EING"];

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream that `seed` gives to this purpose and path.
    pub fn new(seed: u64, purpose: Purpose, path: [u64; 3]) -> Self {
        let start = mix(seed ^ 0x726f_6c6c_7072_6f6f);
        let name = path.iter().fold(mix(start ^ purpose as u64), |name, step| mix(name ^ step));
        Self(Xoshiro256PlusPlus::seed_from_u64(name))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// An integer of `low..=high`, each as likely as the others but for 1 part in 2^32.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        debug_assert!(low <= high);
        let width = u128::from(high - low) + 1;
        low + ((u128::from(self.bits()) * width) >> 64) as u32
    }

    /// An integer of `0..n`, as a position.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.between(1, 100) <= percent
    }

    /// A number of the half-open interval (0, 1].
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// NURand(A, x, y) with the constant C (clause 2.1.6).
    pub fn nurand(&mut self, a: u32, c: u32, low: u32, high: u32) -> u32 {
        let either = self.between(0, a) | self.between(low, high);
        (either + c) % (high - low + 1) + low
    }

    /// Appends `length` random characters (clause 4.3.2.2, a-string).
    pub fn letters(&mut self, length: usize, to: &mut Vec<u8>) {
        let mut left = length;
        while left > 0 {
            let mut bits = self.bits();
            let now = left.min(10);
            to.extend((0..now).map(|_| {
                let letter = ALPHABET[(bits & 63) as usize];
                bits >>= 6;
                letter
            }));
            left -= now;
        }
    }

    /// Appends a random number of random characters, `low` to `high` of them.
    pub fn some_letters(&mut self, low: u32, high: u32, to: &mut Vec<u8>) {
        let length = self.between(low, high) as usize;
        self.letters(length, to);
    }

    /// Appends `length` random digits (clause 4.3.2.2, n-string).
    pub fn digits(&mut self, length: usize, to: &mut Vec<u8>) {
        to.extend((0..length).map(|_| b'0' + self.between(0, 9) as u8));
    }

    /// Puts `values` into a random order.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}

/// The finaliser of SplitMix64: every bit of the input reaches every bit of the output.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Appends the last name of a number from 0 to 999 (clause 4.3.2.3).
pub fn last_name(number: u32, to: &mut Vec<u8>) {
    for digit in [number / 100 % 10, number / 10 % 10, number % 10] {
        to.extend_from_slice(SYLLABLES[digit as usize].as_bytes());
    }
}

/// A constant C for C_LAST, from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CLast(pub u32);

/// The A of NURand for C_LAST, and the largest C.
const A_LAST: u32 = 255;
/// The A of NURand for C_ID.
const A_CUSTOMER: u32 = 1023;
/// The A of NURand for OL_I_ID.
const A_ITEM: u32 = 8191;

impl CLast {
    /// C-Load: the constant of the initial database.
    pub fn load(seed: u64) -> Self {
        Self(Stream::new(seed, Purpose::Constants, [0; 3]).between(0, A_LAST))
    }

    /// Whether a run may use `self` on data loaded with `load`: the distance must be 65 to 119,
    /// and neither 96 nor 112 (clause 2.1.6.1).
    pub fn may_run_on(self, load: Self) -> bool {
        let distance = self.0.abs_diff(load.0);
        self.0 <= A_LAST && (65..=119).contains(&distance) && distance != 96 && distance != 112
    }

    /// The number of a last name drawn with this constant.
    pub fn draw(self, stream: &mut Stream) -> u32 {
        stream.nurand(A_LAST, self.0, 0, 999)
    }
}

/// The three constants of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConstants {
    /// C-Run for last names.
    pub last: CLast,
    /// C for customer numbers.
    pub customer: u32,
    /// C for item numbers.
    pub item: u32,
}

impl RunConstants {
    /// The constants that `seed` gives to a run on data loaded with `load`.
    pub fn new(seed: u64, load: CLast) -> Self {
        let mut stream = Stream::new(seed, Purpose::Constants, [1, 0, 0]);
        let allowed: Vec<_> = (0..=A_LAST).map(CLast).filter(|c| c.may_run_on(load)).collect();
        Self {
            last: allowed[stream.below(allowed.len())],
            customer: stream.between(0, A_CUSTOMER),
            item: stream.between(0, A_ITEM),
        }
    }

    /// A customer number, from 1 to 3 000.
    pub fn draw_customer(&self, stream: &mut Stream) -> u32 {
        stream.nurand(A_CUSTOMER, self.customer, 1, super::scale::CUSTOMERS)
    }

    /// An item number, from 1 to 100 000.
    pub fn draw_item(&self, stream: &mut Stream) -> u32 {
        stream.nurand(A_ITEM, self.item, 1, super::scale::ITEMS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(seed: u64) -> Stream {
        Stream::new(seed, Purpose::Input, [0; 3])
    }

    #[test]
    fn a_seed_gives_these_numbers_on_every_machine() {
        let mut stream = Stream::new(1, Purpose::Row, [2, 3, 4]);
        let drawn: Vec<_> = (0..5).map(|_| stream.between(1, 1_000_000)).collect();
        assert_eq!(drawn, [274_196, 565_150, 744_016, 897_113, 490_798]);
    }

    #[test]
    fn every_step_of_a_path_leads_to_another_stream() {
        let first = |purpose, path| Stream::new(7, purpose, path).bits();
        let mut firsts = vec![
            first(Purpose::Row, [0, 0, 0]),
            first(Purpose::Input, [0, 0, 0]),
            first(Purpose::Row, [1, 0, 0]),
            first(Purpose::Row, [0, 1, 0]),
            first(Purpose::Row, [0, 0, 1]),
            Stream::new(8, Purpose::Row, [0, 0, 0]).bits(),
        ];
        let all = firsts.len();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), all);
    }

    #[test]
    fn last_names_are_put_together_from_syllables() {
        let cases = [
            (0, "BARBARBAR"),
            (371, "PRICALLYOUGHT"),
            (40, "BARPRESBAR"),
            (999, "EINGEINGEING"),
            (256, "ABLEESEANTI"),
            (888, "ATIONATIONATION"),
        ];
        for (number, name) in cases {
            let mut text = Vec::new();
            last_name(number, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), name);
        }
    }

    #[test]
    fn c_run_keeps_its_distance_from_c_load() {
        for load in (0..=A_LAST).map(CLast) {
            for seed in 0..200 {
                let run = RunConstants::new(seed, load).last;
                let distance = run.0.abs_diff(load.0);
                assert!(run.0 <= 255 && (65..=119).contains(&distance), "{load:?} {run:?}");
                assert!(distance != 96 && distance != 112, "{load:?} {run:?}");
            }
        }
    }

    #[test]
    fn every_digit_and_every_position_of_a_range_comes_up_equally_often() {
        let mut stream = stream(3);
        let mut seen = [0_u32; 10];
        for _ in 0..100_000 {
            seen[stream.between(0, 9) as usize] += 1;
        }
        // Five standard deviations of a binomial count around 10 000.
        assert!(seen.iter().all(|n| n.abs_diff(10_000) < 475), "{seen:?}");
    }

    #[test]
    fn a_shuffle_loses_nothing() {
        let mut values: Vec<u32> = (0..3000).collect();
        stream(1).shuffle(&mut values);
        assert_ne!(values, (0..3000).collect::<Vec<_>>());
        values.sort_unstable();
        assert_eq!(values, (0..3000).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn draws_stay_in_their_ranges(seed: u64, load in 0_u32..256) {
            let mut s = stream(seed);
            let constants = RunConstants::new(seed, CLast(load));
            for _ in 0..100 {
                prop_assert!(constants.last.draw(&mut s) <= 999);
                prop_assert!((1..=3000).contains(&constants.draw_customer(&mut s)));
                prop_assert!((1..=100_000).contains(&constants.draw_item(&mut s)));
                let unit = s.unit();
                prop_assert!(unit > 0.0 && unit <= 1.0);
            }
            prop_assert_eq!(s.between(5, 5), 5);
        }

        #[test]
        fn strings_have_the_length_and_the_characters_asked_for(seed: u64, length in 0_usize..60) {
            let mut text = Vec::new();
            stream(seed).letters(length, &mut text);
            prop_assert_eq!(text.len(), length);
            prop_assert!(text.iter().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(c)));
            text.clear();
            stream(seed).digits(length, &mut text);
            prop_assert_eq!(text.len(), length);
            prop_assert!(text.iter().all(u8::is_ascii_digit));
        }
    }
}
