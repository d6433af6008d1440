// Bytes and text: encodings, and when two texts count as the same. No ICU: what decides the splits
// must not depend on what is installed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace plateau::trainer {

// The offset of the first byte that is not UTF-8 (overlong forms, surrogates and code points above
// U+10FFFF included); nothing when all is well.
std::optional<std::size_t> find_invalid_utf8(std::string_view bytes);

// windows-1252 to UTF-8. The five bytes without a meaning become the control characters of the same
// number, as browsers do; tokenizers drop those.
std::string decode_cp1252(std::string_view bytes);

// Takes a byte order mark off the front.
std::string_view without_bom(std::string_view text);

// Two texts are the same when these are: ASCII in lower case, white space as single blanks, none at
// the ends.
std::string normalised_text(std::string_view text);

// The same for tweets, where a retweet or another short link is the same message: links, a leading
// "RT @name:", and everything but letters, digits, '@', '#' and non-ASCII bytes go as well.
std::string normalised_tweet(std::string_view text);

}  // namespace plateau::trainer
