//! Types whose wire form is their text: read where it stands, so that no copy of it is made first.

/// Reads a type from its text by its `parse`, whatever the format.
macro_rules! read_from_text {
    ($($name:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        <$name>::parse(text).map_err(E::custom)
                    }
                }
                from.deserialize_str(Text)
            }
        }
    )*};
}

/// Writes a type as its text, which it has at hand.
macro_rules! write_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    )*};
}

/// Writes a type as what it displays.
macro_rules! write_as_displayed {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}

pub(crate) use {read_from_text, write_as_displayed, write_as_text};
