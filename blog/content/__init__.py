"""What a post and an author are; knows neither HTTP nor SQL."""
