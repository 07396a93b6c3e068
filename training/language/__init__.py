"""Recipe of the language models: text to words, n-grams in an ARPA file and a lexicon."""
