//! Members of objects: what may be sent for them, and what they are when nothing was.

use crate::json::Json;
use crate::refusal::Refusal;
use crate::resources::context::Context;

/// A member of an object. It is optional, and can be cleared with `null`, unless it is said
/// otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    takes: Takes,
    required: bool,
    not_null: bool,
    if_sent: bool,
    absent: fn() -> Json,
}

/// The values that a field takes.
#[derive(Clone, Copy)]
enum Takes {
    /// A text of so many characters.
    Text(usize, usize),
    OneOf(&'static [&'static str]),
    /// Pairs of texts: an update changes those that it names. `null` deletes one, and an empty
    /// text as well if this says so.
    Pairs(bool),
    /// Any value that this function accepts; its result is kept.
    Read(Read),
    /// Nothing: the server sets it.
    Nothing,
}

/// Checks what was sent for the field of this name, and gives what is kept.
pub(crate) type Read = fn(&Context<'_>, &str, &Json) -> Result<Json, Refusal>;

/// The limits of metadata.
const PAIRS: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;

impl Field {
    const fn new(name: &'static str, takes: Takes, absent: fn() -> Json) -> Self {
        Self {
            name,
            takes,
            required: false,
            not_null: false,
            if_sent: false,
            absent,
        }
    }

    /// A text of at most so many characters; empty if none was sent.
    pub(crate) const fn text(name: &'static str, max: usize) -> Self {
        Self::new(name, Takes::Text(0, max), Json::empty_text)
    }

    /// One of these texts; null if none was sent.
    pub(crate) const fn one_of(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, Takes::OneOf(words), || Json::Null)
    }

    /// The pairs of texts that every resource may have.
    pub(crate) const fn metadata() -> Self {
        Self::new("metadata", Takes::Pairs(false), Json::empty_object)
    }

    /// A field that a function reads; null if nothing was sent.
    pub(crate) const fn read(name: &'static str, read: Read) -> Self {
        Self::new(name, Takes::Read(read), || Json::Null)
    }

    /// A field that the server sets, to this at first.
    pub(crate) const fn server(name: &'static str, first: fn() -> Json) -> Self {
        Self::new(name, Takes::Nothing, first)
    }

    /// It must be sent, can't be empty, and can't be cleared.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self.not_null = true;
        if let Takes::Text(_, max) = self.takes {
            self.takes = Takes::Text(1, max);
        }
        self
    }

    /// `null` is no way to leave it out.
    pub(crate) const fn not_null(mut self) -> Self {
        self.not_null = true;
        self
    }

    /// Of pairs: an empty text deletes one, as `null` does.
    pub(crate) const fn empty_deletes(mut self) -> Self {
        self.takes = Takes::Pairs(true);
        self
    }

    /// The member isn't there until something is sent for it.
    pub(crate) const fn if_sent(mut self) -> Self {
        self.if_sent = true;
        self
    }

    /// Sets the value of the field when nothing was sent.
    pub(crate) const fn or(mut self, absent: fn() -> Json) -> Self {
        self.absent = absent;
        self
    }

    /// Sets it in a new object.
    pub(crate) fn set(&self, cx: &Context<'_>, object: &mut Json) -> Result<(), Refusal> {
        let value = match self.sent(cx) {
            None | Some(Json::Null) if self.required => return Err(Refusal::missing(self.name)),
            Some(Json::Null) if self.not_null => return Err(self.wrong("must not be null")),
            None | Some(Json::Null) if self.if_sent => return Ok(()),
            None | Some(Json::Null) => (self.absent)(),
            Some(value) => self.taken(cx, value)?,
        };
        object.set(self.name, value);
        Ok(())
    }

    /// Changes it in an object that is updated.
    pub(crate) fn change(&self, cx: &Context<'_>, object: &mut Json) -> Result<(), Refusal> {
        let value = match (self.sent(cx), self.takes) {
            (None, _) | (Some(Json::Null), Takes::Pairs(_)) => return Ok(()),
            (Some(Json::Null), _) if self.not_null => return Err(self.wrong("must not be null")),
            (Some(Json::Null), _) => (self.absent)(),
            (Some(patch), Takes::Pairs(_)) => self.patched(&object[self.name], patch)?,
            (Some(value), _) => self.taken(cx, value)?,
        };
        object.set(self.name, value);
        Ok(())
    }

    fn sent<'a>(&self, cx: &Context<'a>) -> Option<&'a Json> {
        match self.takes {
            Takes::Nothing => None,
            _ => cx.body.get(self.name),
        }
    }

    fn wrong(&self, why: &str) -> Refusal {
        Refusal::invalid(self.name, format!("{} {why}.", self.name))
    }

    fn taken(&self, cx: &Context<'_>, value: &Json) -> Result<Json, Refusal> {
        match self.takes {
            Takes::Text(min, max) => text(self.name, value, min, max)?,
            Takes::OneOf(words) => {
                if !words.iter().any(|word| value == word) {
                    return Err(self.wrong(&format!("must be one of {}", words.join(", "))));
                }
            }
            Takes::Pairs(_) => return self.patched(&Json::Null, value),
            Takes::Read(read) => return read(cx, self.name, value),
            Takes::Nothing => {}
        }
        Ok(value.clone())
    }

    /// The pairs there were, with the patch applied: `null` deletes one.
    fn patched(&self, before: &Json, patch: &Json) -> Result<Json, Refusal> {
        if !patch.is_object() {
            return Err(self.wrong("must be an object of strings"));
        }
        let empty_deletes = matches!(self.takes, Takes::Pairs(true));
        let mut pairs = match before {
            Json::Object(_) => before.clone(),
            _ => Json::empty_object(),
        };
        for (key, value) in patch.members() {
            match value {
                Json::Null => {
                    pairs.remove(key);
                    continue;
                }
                Json::Text(text) if text.is_empty() && empty_deletes => {
                    pairs.remove(key);
                    continue;
                }
                Json::Text(text) if text.chars().count() <= LONGEST_VALUE => {}
                _ => {
                    let why =
                        format!("values must be strings of at most {LONGEST_VALUE} characters");
                    return Err(self.wrong(&why));
                }
            }
            if key.chars().count() > LONGEST_KEY {
                let why = format!("keys must have at most {LONGEST_KEY} characters");
                return Err(self.wrong(&why));
            }
            pairs.set(key, value);
        }
        if pairs.members().len() > PAIRS {
            return Err(self.wrong(&format!("must have at most {PAIRS} pairs")));
        }
        Ok(pairs)
    }
}

/// Checks that a value is a text of so many characters.
pub(crate) fn text(name: &str, value: &Json, min: usize, max: usize) -> Result<(), Refusal> {
    let length = value.as_str().map(|text| text.chars().count());
    match length {
        Some(0) if min > 0 => Err(Refusal::missing(name)),
        Some(length) if (min..=max).contains(&length) => Ok(()),
        _ => {
            let why = format!("{name} must be a string of {min} to {max} characters.");
            Err(Refusal::invalid(name, why))
        }
    }
}

/// Checks that a value is a list of at most so many items, and gives them.
pub(crate) fn items<'a>(name: &str, value: &'a Json, max: usize) -> Result<&'a [Json], Refusal> {
    let items = value.as_list().filter(|items| items.len() <= max);
    items.ok_or_else(|| {
        let why = format!("{name} must be an array of at most {max} items.");
        Refusal::invalid(name, why)
    })
}
