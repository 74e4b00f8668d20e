#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace roachpin::test {

/// A file of config/.
inline std::string content_of(const std::string& name) {
    std::ifstream file(std::string(ROACHPIN_CONFIG_DIR) + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline constexpr std::string_view word_characters = "abcdefghijklmnopqrstuvwxyz0123456789_";

inline std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// A commented line of YAML has two blanks before its key, a sentence has one.
inline bool is_commented_out(const std::string& line) {
    const auto key = line.find_first_not_of(" -", 1);
    return line.starts_with("#  ") && key != std::string::npos &&
           line.find_first_not_of(word_characters, key) == line.find(':', key);
}

/// The example with its commented lines put in, as its comments tell the reader to do.
inline std::string whole_example() {
    std::string text;
    for (const auto& line : lines_of(content_of("roachpin.yaml"))) {
        text += (is_commented_out(line) ? line.substr(1) : line) + "\n";
    }
    return text;
}

} // namespace roachpin::test
