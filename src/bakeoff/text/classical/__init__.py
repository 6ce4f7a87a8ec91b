"""Models over word n-grams: naive Bayes, linear models, a decision tree."""
