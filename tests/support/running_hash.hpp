#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace roachpin::test {

/// SHA-256 of bytes that come in pieces.
class running_hash {
public:
    running_hash() : context_{EVP_MD_CTX_new()} {
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    }

    void add(std::string_view bytes) {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }

    /// Of what was added so far.
    [[nodiscard]] std::string hexadecimal() const {
        const context_ptr copied{EVP_MD_CTX_new()};
        EVP_MD_CTX_copy_ex(copied.get(), context_.get());
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        EVP_DigestFinal_ex(copied.get(), digest.data(), &size);
        std::string text;
        for (unsigned i = 0; i < size; ++i) {
            text += "0123456789abcdef"[digest[i] >> 4];
            text += "0123456789abcdef"[digest[i] & 15];
        }
        return text;
    }

private:
    struct deleter {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };

    using context_ptr = std::unique_ptr<EVP_MD_CTX, deleter>;
    context_ptr context_;
};

} // namespace roachpin::test
