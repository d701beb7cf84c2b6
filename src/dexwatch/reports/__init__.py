"""What the platform can prove about itself: the catalogue of promises and its coverage."""
