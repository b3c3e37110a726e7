//! The members of an object, between its JSON and the fields of its type.

use std::borrow::Cow;

#[cfg(test)]
use serde_json::Value;

use super::{Fit, Json, Member, View, Wire, extra};
use crate::{Extra, Patch};

/// The name of a member, and then the names that it had in earlier generations.
pub(crate) type Names = &'static [&'static str];

/// A field of an object: plain, optional, or part of a change.
///
/// Its functions are kept out of line, so that each is compiled once for a type and not once for
/// each field.
pub(crate) trait Slot: Sized {
    /// Takes the field's member out of an object.
    fn take_from(object: &mut Object<'_>, names: Names) -> Self;

    /// Adds the field's member to those that are written.
    fn put<'a>(&'a self, names: Names, members: &mut Members<'a>);

    /// A valid value.
    #[cfg(test)]
    fn sample_of(choice: usize) -> Value;
}

impl<T: Wire> Slot for T {
    #[inline(never)]
    fn take_from(object: &mut Object<'_>, names: Names) -> Self {
        T::read(object.find(names, T::fit).unwrap_or(Json::Null))
    }

    #[inline(never)]
    fn put<'a>(&'a self, names: Names, members: &mut Members<'a>) {
        let view = self.view();
        let view = (T::WRITTEN_EMPTY || !view.is_hollow()).then_some(view);
        members.put(names, view, T::fit, &|kept| T::read(kept) == *self);
    }

    #[cfg(test)]
    fn sample_of(choice: usize) -> Value {
        T::sample(choice)
    }
}

impl<T: Wire> Slot for Option<T> {
    #[inline(never)]
    fn take_from(object: &mut Object<'_>, names: Names) -> Self {
        object.find(names, T::fit).map(T::read)
    }

    #[inline(never)]
    fn put<'a>(&'a self, names: Names, members: &mut Members<'a>) {
        let view = self.as_ref().map(T::view);
        members.put(names, view, T::fit, &|kept| match self {
            Some(value) => !kept.is_null() && T::read(kept) == *value,
            None => kept.is_null(),
        });
    }

    #[cfg(test)]
    fn sample_of(choice: usize) -> Value {
        T::sample(choice)
    }
}

/// Here `null` says something: clear it.
impl<T: Wire> Slot for Patch<T> {
    #[inline(never)]
    fn take_from(object: &mut Object<'_>, names: Names) -> Self {
        if let Some(member) = object.get(names[0]) {
            if member == &Some(Json::Null) {
                *member = None;
                return Self::Clear;
            }
        }
        object
            .find(names, T::fit)
            .map_or(Self::Keep, |value| Self::Set(T::read(value)))
    }

    #[inline(never)]
    fn put<'a>(&'a self, names: Names, members: &mut Members<'a>) {
        let view = match self {
            Self::Keep => None,
            Self::Clear => Some(View::Null),
            Self::Set(value) => Some(value.view()),
        };
        members.put(names, view, T::fit, &|kept| match self {
            Self::Set(value) => !kept.is_null() && T::read(kept) == *value,
            Self::Keep => kept.is_null(),
            Self::Clear => false,
        });
    }

    #[cfg(test)]
    fn sample_of(choice: usize) -> Value {
        T::sample(choice)
    }
}

/// An object while its fields are read.
///
/// Its members are few, and looking through a list of them is cheaper than taking each out of a
/// map.
pub(crate) struct Object<'a> {
    /// Without their values once these were taken.
    members: Vec<(Cow<'a, str>, Option<Json<'a>>)>,
    /// The names of the members that fields were read from.
    #[cfg(test)]
    read: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub(crate) fn new(members: Vec<Member<'a>>) -> Self {
        let members = members.into_iter();
        Self {
            members: members.map(|(name, value)| (name, Some(value))).collect(),
            #[cfg(test)]
            read: Vec::new(),
        }
    }

    /// The object that a value is; an empty one if it is none.
    pub(crate) fn of(value: Json<'a>) -> Self {
        Self::new(value.into_members())
    }

    fn get(&mut self, name: &str) -> Option<&mut Option<Json<'a>>> {
        let mut members = self.members.iter_mut();
        members.find_map(|(other, value)| is_name(other, name).then_some(value))
    }

    /// The value that a field is read from: taken out of the object if the field will write just
    /// that, and copied if it has to stay to be written again.
    fn find(&mut self, names: Names, fit: fn(&Json<'_>) -> Fit) -> Option<Json<'a>> {
        #[cfg(test)]
        self.read.extend(names);
        let others = &names[1..];
        let is_only = others.iter().all(|other| self.get(other).is_none());
        if let Some(member) = self.get(names[0]) {
            match member.as_ref().map(|value| fit_member(value, fit)) {
                Some(Fit::Exact) if is_only => return member.take(),
                Some(Fit::Exact | Fit::Near) => return member.clone(),
                _ => {}
            }
        }
        others.iter().find_map(|other| {
            let value = self.get(other)?.as_ref()?;
            (fit_member(value, fit) != Fit::No).then(|| value.clone())
        })
    }

    /// The members that are in no field, or only in another form.
    pub(crate) fn rest(&mut self) -> Extra {
        let left = std::mem::take(&mut self.members)
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)));
        let rest = extra(left);
        #[cfg(test)]
        for name in rest
            .keys()
            .filter(|name| !self.read.contains(&name.as_str()))
        {
            leave_over(name);
        }
        rest
    }
}

/// Whether two names are equal. Of names with the same length most end differently, and need not be
/// compared by a call.
#[inline]
fn is_name(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().next_back() == other.bytes().next_back() && one == other
}

#[cfg(test)]
thread_local! {
    static LEFT_OVER: std::cell::RefCell<std::collections::BTreeSet<String>> = const {
        std::cell::RefCell::new(std::collections::BTreeSet::new())
    };
}

/// Notes what there is no field or no variant for.
#[cfg(test)]
pub(crate) fn leave_over(what: &str) {
    LEFT_OVER.with_borrow_mut(|left| left.insert(what.to_owned()));
}

/// What was noted in this thread since the last time.
#[cfg(test)]
pub(crate) fn left_over() -> std::collections::BTreeSet<String> {
    LEFT_OVER.take()
}

/// How well a member fits. A `null` never does.
fn fit_member(value: &Json<'_>, fit: fn(&Json<'_>) -> Fit) -> Fit {
    if value.is_null() { Fit::No } else { fit(value) }
}

/// The value under the first of the names where it fits, and how well. A `null` never does.
pub(crate) fn choose(
    object: &Extra,
    names: Names,
    fit: fn(&Json<'_>) -> Fit,
) -> Option<(Json<'_>, Fit)> {
    names.iter().find_map(|name| {
        let value = Json::from(object.get(*name)?);
        let fits = fit_member(&value, fit);
        (fits != Fit::No).then_some((value, fits))
    })
}

/// The members that are written, in their order: those of the fields, and then the rest of `extra`.
pub(crate) struct Members<'a> {
    extra: &'a Extra,
    written: Vec<(&'a str, View<'a>)>,
    /// The names of the fields so far, where `extra` might have one of them.
    fields: Vec<&'static str>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(extra: &'a Extra) -> Self {
        Self {
            extra,
            written: Vec::with_capacity(8),
            fields: Vec::new(),
        }
    }

    /// Writes a field: as it was read, if it is what is read from that, or else as it is now.
    ///
    /// `says` tells whether the field is what it would be if it were read from this value, which is
    /// `null` where nothing fits it.
    fn put(
        &mut self,
        names: Names,
        view: Option<View<'a>>,
        fit: fn(&Json<'_>) -> Fit,
        says: &dyn Fn(Json<'_>) -> bool,
    ) {
        let name = names[0];
        if self.extra.is_empty() {
            self.written.extend(view.map(|view| (name, view)));
            return;
        }
        self.fields.push(name);
        let left = names.iter().any(|name| self.extra.contains_key(*name));
        let read = || choose(self.extra, names, fit).map_or(Json::Null, |(value, _)| value);
        if left && says(read()) {
            // Under an old name it is among the rest.
            let kept = self.extra.get(name);
            self.written
                .extend(kept.map(|kept| (name, View::Json(kept))));
        } else {
            self.written.extend(view.map(|view| (name, view)));
        }
    }

    /// Whether a list is written under this name, or else what `extra` has there: only an empty
    /// list leaves it that.
    pub(crate) fn supersedes(&mut self, name: &'static str, is_there: bool) -> bool {
        let written = is_there || !self.extra.contains_key(name);
        if written {
            self.fields.push(name);
        }
        written
    }

    pub(crate) fn finish(&mut self) -> Vec<(&'a str, View<'a>)> {
        for (name, value) in self.extra {
            if !self.fields.contains(&name.as_str()) {
                self.written.push((name, View::Json(value)));
            }
        }
        std::mem::take(&mut self.written)
    }
}

/// Whether an object says which resource it is: by a text under this name that isn't empty.
pub(crate) fn has_id(object: &Json<'_>, names: Names) -> bool {
    let id = names.first().and_then(|name| object.get(name)?.as_str());
    id.is_some_and(|id| !id.is_empty())
}
