//! Why is my container image this big?
