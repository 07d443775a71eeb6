//! The deck of cards that decides which transaction a terminal does next (clause 5.2.4.2).

use super::random::Stream;
use super::scale::CARDS;
use crate::event::TxnKind;

/// Cards in the deck.
pub const DECK: usize = 23;

/// A deck of 23 cards. It is shuffled, dealt to its last card, and shuffled again: after every 23
/// transactions of a terminal the mix is exact.
#[derive(Debug, Clone)]
pub struct Deck {
    cards: [TxnKind; DECK],
    dealt: usize,
    stream: Stream,
}

impl Deck {
    /// A deck whose order comes from `stream`.
    pub fn new(stream: Stream) -> Self {
        let mut kinds = TxnKind::TRANSACTIONS
            .iter()
            .flat_map(|kind| std::iter::repeat_n(*kind, CARDS[kind.index()]));
        let cards = std::array::from_fn(|_| kinds.next().expect("the five kinds fill the deck"));
        Self { cards, dealt: DECK, stream }
    }

    /// Deals the next card.
    pub fn deal(&mut self) -> TxnKind {
        if self.dealt == DECK {
            self.stream.shuffle(&mut self.cards);
            self.dealt = 0;
        }
        self.dealt += 1;
        self.cards[self.dealt - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::*;

    #[test]
    fn every_23_cards_hold_the_exact_mix_in_an_order_of_their_own() {
        let mut deck = Deck::new(Stream::new(5, Purpose::Deck, [0; 3]));
        let mut hands = Vec::new();
        for _ in 0..100 {
            let hand: Vec<_> = (0..DECK).map(|_| deck.deal()).collect();
            for kind in TxnKind::TRANSACTIONS {
                let count = hand.iter().filter(|card| *card == kind).count();
                assert_eq!(count, CARDS[kind.index()]);
            }
            hands.push(hand);
        }
        hands.dedup();
        assert!(hands.len() > 95, "the deck is hardly ever shuffled");
    }
}
