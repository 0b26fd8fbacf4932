//! Keyset pages on any sort keys, ascending or descending, empty values last.
//!
//! The rows after a cursor fall into segments, each an equality on the first keys and one range on the next. Each segment
//! is one walk of an index, whatever the directions of the keys; they are asked one after the other until the page is full.

use crm_domain::query::{Cursor, Direction, FieldSet, Sort, Value};
use uuid::Uuid;

use crate::{
    column::UuidColumn,
    filter::{Place, bind},
    sql::{Bind, Sql},
};

/// One stretch of the list: its rows, in the order of the list.
pub struct Segment {
    /// Which rows.
    pub condition: Sql,
    /// Their order.
    pub order: Sql,
}

/// Where the sort keys of a resource live.
pub struct Keys<'a, F> {
    /// The table.
    pub table: &'static str,
    /// The sort keys.
    pub sort: &'a [Sort<F>],
    /// The place of a field.
    pub place: fn(F) -> Place,
}

impl<F: FieldSet> Keys<'_, F> {
    /// The segments after `cursor`, or of the whole list, in the order of the list.
    pub fn segments(&self, cursor: Option<&Cursor>) -> Vec<Segment> {
        let Some(cursor) = cursor else { return self.rest(&[], None) };
        let mut segments =
            vec![self.segment(self.sort.len(), self.equal(&cursor.keys), Some(self.id_after(cursor.id)))];
        for level in (0..self.sort.len()).rev() {
            if let Some(value) = &cursor.keys[level] {
                segments.extend(self.rest(&cursor.keys[..level], Some(value)));
            }
        }
        segments
    }

    /// The rows whose first keys are equal to `prefix` and whose next key lies after `value`: first those that have one.
    fn rest(&self, prefix: &[Option<Value>], value: Option<&Value>) -> Vec<Segment> {
        let level = prefix.len();
        let Some(sort) = self.sort.get(level) else { return vec![self.segment(level, self.equal(prefix), None)] };
        let place = (self.place)(sort.field);
        let key = || Sql::new().column(self.table, place.key);
        let operator = if sort.direction == Direction::Ascending { " > " } else { " < " };
        let present = match value {
            Some(value) => Some(key().push(operator).bind(bind(place, value))),
            None if place.nullable => Some(key().push(" IS NOT NULL")),
            None => None,
        };
        let mut segments = vec![self.segment(level, self.equal(prefix), present)];
        if place.nullable {
            // Those that have none come last, in the order of the keys after it, which may be empty in their turn.
            segments.extend(self.rest(&[prefix, &[None]].concat(), None));
        }
        segments
    }

    fn equal(&self, prefix: &[Option<Value>]) -> Vec<Sql> {
        let pairs = prefix.iter().zip(self.sort);
        let one = |(value, sort): (&Option<Value>, &Sort<F>)| {
            let place = (self.place)(sort.field);
            let key = Sql::new().column(self.table, place.key);
            match value {
                Some(value) => key.push(" = ").bind(bind(place, value)),
                None => key.push(" IS NULL"),
            }
        };
        pairs.map(one).collect()
    }

    fn id_after(&self, id: Uuid) -> Sql {
        let operator = if self.last_direction() == Direction::Ascending { " > " } else { " < " };
        Sql::new().column(self.table, "id").push(operator).bind(Bind::Id(UuidColumn(id)))
    }

    fn segment(&self, settled: usize, mut conditions: Vec<Sql>, last: Option<Sql>) -> Segment {
        conditions.extend(last);
        if conditions.is_empty() {
            conditions.push(Sql::new().push("1 = 1"));
        }
        Segment { condition: Sql::joined(conditions, " AND "), order: self.order(settled) }
    }

    /// The order within a segment whose first `settled` keys are the same in all rows. Only the first of the others is
    /// known to be present.
    fn order(&self, settled: usize) -> Sql {
        let mut order = Sql::new();
        for (at, sort) in self.sort.iter().enumerate().skip(settled) {
            let place = (self.place)(sort.field);
            if at > settled && place.nullable {
                order = order.column(self.table, place.key).push(" IS NULL, ");
            }
            order = order.column(self.table, place.key).push(word(sort.direction)).push(", ");
        }
        order.column(self.table, "id").push(word(self.last_direction()))
    }

    fn last_direction(&self) -> Direction {
        self.sort.last().map_or(Direction::Ascending, |sort| sort.direction)
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " ASC",
        Direction::Descending => " DESC",
    }
}
