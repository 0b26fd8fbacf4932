//! Random choices that are the same for the same seed, on every machine and in every version of the libraries.

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// A stream of choices that belongs to one record: record 7 does not depend on records 1 to 6.
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of the record number `index` of its kind.
    pub fn of(seed: u64, kind: u64, index: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(mix(mix(mix(seed) ^ kind) ^ index)))
    }

    /// A whole number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bounds are tiny against 2^64, so that the bias of this mapping (Lemire 2019) is not seen by anybody.
        let product = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the upper half of a product of two 64-bit numbers has 64 bits")
    }

    /// True in so many cases of a hundred.
    pub fn percent(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    /// One of these, each as likely as the next.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let length = u64::try_from(from.len()).expect("lists of words are short");
        &from[usize::try_from(self.below(length)).expect("the index is below the length")]
    }

    /// One of these, each as likely as its weight says.
    pub fn weighted<T: Copy>(&mut self, from: &[(T, u64)]) -> T {
        let mut rest = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in from {
            if rest < *weight {
                return *value;
            }
            rest -= weight;
        }
        unreachable!("the choice is below the sum of the weights")
    }

    /// A value in so many cases of a hundred. The value is always worked out, so that the choices after it stay the same.
    pub fn sometimes<T>(&mut self, cases: u64, value: T) -> Option<T> {
        self.percent(cases).then_some(value)
    }

    /// Ten random bytes.
    pub fn bytes(&mut self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// Spreads neighbouring numbers over all numbers (the finaliser of `SplitMix64`).
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `width` digits of base 36, upper-case; higher digits are cut off.
pub fn base36(mut number: u64, width: usize) -> String {
    let mut digits = vec!['0'; width];
    for digit in digits.iter_mut().rev() {
        let value = u32::try_from(number % 36).expect("a remainder by 36 is small");
        *digit = char::from_digit(value, 36).expect("it is a digit of base 36").to_ascii_uppercase();
        number /= 36;
    }
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_what_it_was_in_the_first_release() {
        let mut random = Random::of(1, 2, 3);
        let drawn: Vec<u64> = (0..4).map(|_| random.below(1_000_000)).collect();
        assert_eq!(drawn, [287_207, 968_423, 659_373, 917_401]);
    }

    #[test]
    fn weights_are_kept_to() {
        let mut random = Random::of(1, 1, 1);
        let rare = (0..10_000).filter(|_| random.weighted(&[("often", 9), ("rarely", 1)]) == "rarely").count();
        assert!((800..1200).contains(&rare), "{rare}");
    }

    #[test]
    fn base_36_has_a_fixed_width() {
        assert_eq!(base36(0, 3), "000");
        assert_eq!(base36(35, 2), "0Z");
        assert_eq!(base36(36 * 36, 2), "00");
    }
}
