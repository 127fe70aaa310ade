//! Values of the file as texts.

use std::borrow::Cow;

use toml::de::DeValue;

/// Takes a value as a text, if it is of the types that are meant.
pub(super) type Read = dyn for<'v> Fn(&'v DeValue<'_>) -> Option<Cow<'v, str>>;

pub(super) fn text_only<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    value.as_str().map(Cow::Borrowed)
}

pub(super) fn whole_only<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    let number = value.as_integer()?;
    let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
    Some(Cow::Owned(number.to_string()))
}

pub(super) fn text_or_whole<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    text_only(value).or_else(|| whole_only(value))
}

pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
