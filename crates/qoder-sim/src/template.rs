//! Path templates, such as `/agents/{agent_id}/versions`.

/// The values of a template's parameters, if a path is of its form.
pub(crate) fn matches<'a>(template: &str, segments: &'a [String]) -> Option<Vec<&'a str>> {
    let mut wanted = template.split('/').skip(1);
    let mut values = Vec::new();
    for segment in segments {
        let wanted = wanted.next()?;
        if wanted.starts_with('{') {
            values.push(segment.as_str());
        } else if wanted != segment {
            return None;
        }
    }
    wanted.next().is_none().then_some(values)
}

/// The names of a template's parameters.
pub(crate) fn parameters(template: &'static str) -> impl Iterator<Item = &'static str> {
    let segments = template.split('/');
    segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_matched() {
        let segments = crate::query::segments("/agents/a%2Fb/versions");
        let values = |template| matches(template, &segments);
        assert_eq!(values("/agents/{agent_id}/versions"), Some(vec!["a/b"]));
        assert_eq!(values("/{kind}/a%2Fb/versions"), None);
        assert_eq!(values("/agents/{agent_id}"), None);
        assert_eq!(values("/agents/{agent_id}/versions/{version}"), None);
        let names: Vec<_> = parameters("/a/{b_id}/c/{d_id}").collect();
        assert_eq!(names, ["b_id", "d_id"]);
    }
}
